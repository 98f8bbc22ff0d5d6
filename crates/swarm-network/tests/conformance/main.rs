//! What every network is to nodes, and what each fault does to them: the same tests on each, in virtual time where there
//! is one.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod agents;
mod connections;
mod faults;
mod observations;
mod peers;
mod requests;
mod streams;
mod world;

/// Runs each test on each network.
macro_rules! on_every_network {
    ($($file:ident { $($test:ident),+ $(,)? })+) => {
        mod on {
            on_every_network!(@network model Model $($file { $($test)+ })+);
            on_every_network!(@network quic Quic $($file { $($test)+ })+);
            on_every_network!(@network real Real $($file { $($test)+ })+);
        }
    };
    (@network $name:ident $kind:ident $($file:ident { $($test:ident)+ })+) => {
        mod $name {
            $(mod $file {
                $(#[test]
                fn $test() {
                    crate::world::run(crate::world::Kind::$kind, crate::$file::$test);
                })+
            })+
        }
    };
}

on_every_network! {
    connections {
        both_ends_know_each_other,
        a_stranger_who_is_turned_away_learns_of_it,
        a_stranger_who_proves_where_it_is_is_let_in,
        another_agent_than_was_expected_is_refused,
        sixty_four_may_be_half_open,
        a_datagram_arrives_as_it_was_sent,
        a_datagram_larger_than_the_path_is_refused,
        a_close_tells_code_and_reason,
        a_transport_that_closes_tells_everybody,
        nobody_answers_where_nobody_is,
    }
    streams {
        bytes_come_in_order_and_end,
        a_mebibyte_goes_both_ways_at_once,
        a_reset_tells_its_code,
        a_stop_tells_its_code,
        what_is_dropped_is_reset,
        who_does_not_read_is_not_sent_more_than_the_window,
        more_streams_than_are_granted_wait,
        a_lost_connection_ends_its_streams,
    }
    peers {
        two_nodes_say_hello,
        a_full_mesh_grows_from_introductions,
        a_goodbye_is_told,
        a_peer_restarts_at_the_same_address,
        a_peer_that_crashes_is_lost,
        a_quiet_connection_stays,
    }
    observations {
        they_go_both_ways,
        one_that_is_larger_than_the_path_is_refused,
        what_arrives_twice_is_delivered_once,
        reliable_ones_come_in_order_over_a_lossy_link,
    }
    requests {
        they_go_both_ways_with_a_mebibyte,
        a_deadline_ends_them_on_both_sides,
        whoever_asks_may_cancel,
        whoever_serves_may_decline_and_fail,
        a_crash_ends_them,
        they_complete_over_a_lossy_link,
        an_urgent_one_passes_a_bulk_transfer,
    }
    faults {
        a_cut_link_is_noticed_after_the_idle_timeout,
        a_healed_link_is_used_again,
        latency_shows_in_the_time_of_a_request,
        a_paused_host_goes_on_where_it_was,
        bandwidth_bounds_what_comes_through,
        a_cut_one_way_is_a_cut,
        a_host_paused_for_too_long_is_lost_and_comes_back,
        packets_that_overtake_one_another_change_nothing,
        a_narrow_path_carries_less_at_once,
        a_path_that_becomes_narrower_carries_on,
    }
}
