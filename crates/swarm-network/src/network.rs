//! What a network is to whoever starts nodes on it.

use std::fmt::Debug;

use swarm_core::NodeConfig;
use swarm_core::StartError;
use swarm_core::transport::{Speaker, Transport};

use crate::Host;

/// Makes transports, one for each life of a node.
pub trait Network: Debug + Send + Sync + 'static {
    /// A transport for the node of a host, at an address that is the same in every life, once its last transport was closed
    /// or dropped. The host must be [up](crate::Power::Up) for anything to reach it.
    ///
    /// # Errors
    /// If it cannot be made.
    fn open(
        &self,
        host: Host,
        speaker: &Speaker,
        config: &NodeConfig,
    ) -> Result<Box<dyn Transport>, OpenError>;
}

/// Why a transport could not be made.
pub type OpenError = StartError;
