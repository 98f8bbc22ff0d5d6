//! A guest: a client without a certificate, as a browser or a script would be.

use swarm_core::proto::{
    ControlFrame, Datagram, Frame, Goodbye, Grant, Hello, ReplyFrame, RequestFrame, RequestHead, RequestId,
    Signed, decode_datagram, padding,
};
use swarm_core::{AgentId, AgentNode, Observation, agent_id_of_subject};
use web_transport_quinn::proto::ConnectRequest;
use web_transport_quinn::{RecvStream, SendStream, Session};

use super::PATIENCE;
use super::observing::payload_of_datagram;
use super::stranger::{address, client_config, framed, hello};

/// What a guest shows in the request that opens the session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    pub(crate) query: Option<String>,
    pub(crate) authorization: Option<String>,
    pub(crate) origin: Option<String>,
}

impl Shown {
    /// A token in the query, as a page shows it.
    pub(crate) fn query(token: impl ToString) -> Self {
        Self { query: Some(format!("t={}", token.to_string())), ..Self::default() }
    }

    /// A token in the header, as a script may.
    pub(crate) fn header(token: impl ToString) -> Self {
        Self { authorization: Some(format!("Bearer {}", token.to_string())), ..Self::default() }
    }

    pub(crate) fn on_page_of(self, origin: &str) -> Self {
        Self { origin: Some(origin.to_owned()), ..self }
    }
}

pub(crate) struct Guest {
    _endpoint: quinn::Endpoint,
    pub(crate) quic: quinn::Connection,
    pub(crate) session: Session,
    send: SendStream,
    recv: RecvStream,
    pub(crate) agent: AgentId,
}

/// Comes to the door of a node, shows this, and says hello as this agent.
pub(crate) async fn knock(node: &AgentNode, shown: &Shown, agent: AgentId) -> Guest {
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let to = address(node);
    let quic = endpoint.connect_with(client_config(false), to, "swarm").unwrap().await.unwrap();
    let mut url: url::Url = format!("https://{to}/swarm/v1").parse().unwrap();
    url.set_query(shown.query.as_deref());
    let mut request = ConnectRequest::new(url);
    for (name, value) in [("authorization", &shown.authorization), ("origin", &shown.origin)] {
        if let Some(value) = value {
            request.headers.insert(name, value.parse().unwrap());
        }
    }
    let session = Session::connect(quic.clone(), request).await.unwrap();
    // The node may keep the first one to itself.
    session.send_datagram(padding()).unwrap();
    let (send, recv) = session.open_bi().await.unwrap();
    let mut guest = Guest { _endpoint: endpoint, quic, session, send, recv, agent };
    guest.say(&ControlFrame::Hello(Hello { agent, ..hello() })).await;
    guest
}

/// Comes in with this invitation.
pub(crate) async fn enter(node: &AgentNode, invitation: &Signed<Grant>) -> Guest {
    let agent = agent_id_of_subject(&invitation.statement().subject);
    let mut guest = knock(node, &Shown::query(invitation), agent).await;
    assert_eq!(guest.hello().await.agent, node.id());
    guest
}

impl Guest {
    /// Says something on the control stream.
    pub(crate) async fn say(&mut self, frame: &ControlFrame) {
        self.send.write_all(&framed(frame)).await.unwrap();
    }

    /// The next frame on the control stream.
    pub(crate) async fn hear(&mut self) -> ControlFrame {
        ControlFrame::decode(&frame(&mut self.recv).await).unwrap()
    }

    pub(crate) async fn hello(&mut self) -> Hello {
        match self.hear().await {
            ControlFrame::Hello(hello) => hello,
            other => panic!("{other:?}"),
        }
    }

    /// The next goodbye, whatever comes before it.
    pub(crate) async fn goodbye(&mut self) -> Goodbye {
        loop {
            if let ControlFrame::Goodbye(goodbye) = self.hear().await {
                return goodbye;
            }
        }
    }

    /// The observations of the next datagram.
    pub(crate) async fn observations(&self) -> Vec<Observation> {
        let datagram = tokio::time::timeout(PATIENCE, self.session.read_datagram()).await;
        match decode_datagram(&datagram.expect("there is a datagram").unwrap()).unwrap() {
            Datagram::Observations(observations) => observations,
            Datagram::Padding => Vec::new(),
        }
    }

    /// Sends these in one datagram.
    pub(crate) fn publish(&self, observations: &[Observation]) {
        self.session.send_datagram(payload_of_datagram(observations)).unwrap();
    }

    /// Asks for something with an empty body; what comes first of the reply.
    pub(crate) async fn ask(&self, capability: &str) -> ReplyFrame {
        let (mut send, mut recv) = self.session.open_bi().await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "no two requests of a test may have the same id")]
        let id = RequestId::from_random(rand::random());
        let head = RequestHead::new(id, capability.parse().unwrap());
        let request = [framed(&RequestFrame::Head(head)), framed(&RequestFrame::End)].concat();
        send.write_all(&request).await.unwrap();
        ReplyFrame::decode(&frame(&mut recv).await).unwrap()
    }
}

async fn frame(recv: &mut RecvStream) -> Vec<u8> {
    let read = async {
        let mut length = [0; 4];
        recv.read_exact(&mut length).await.unwrap();
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        recv.read_exact(&mut body).await.unwrap();
        body
    };
    tokio::time::timeout(PATIENCE, read).await.expect("there is an answer")
}
