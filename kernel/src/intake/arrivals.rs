//! Requests of one signal that arrived together, all answered or all not.

use std::net::IpAddr;

use tokio::sync::oneshot;

use super::group::{Hold, Verdict};
use crate::payload::Payload;

/// Payloads up to this size are joined, up to that size. A request of one span has 400 bytes, and as
/// an object of its own needs three times as much, which one thread allocates and another frees.
const SMALL: usize = 16 * 1024;
const JOINED: usize = 256 * 1024;

/// How a request came; it has no address over a unix socket.
#[derive(Clone, Copy)]
pub struct Way {
    pub grpc: bool,
    pub peer: Option<IpAddr>,
}

/// What one verdict answers.
#[derive(Default)]
pub struct Arrivals {
    pub payloads: Vec<Payload>,
    /// Items and requests by transport: gRPC, then HTTP.
    pub came: [(usize, usize); 2],
    /// Who sent the items, in their order: how many in a row are from the same address.
    pub peers: Vec<(Option<IpAddr>, usize)>,
    pub senders: Vec<oneshot::Sender<Verdict>>,
    pub hold: Option<Hold>,
    /// Whether the last payload is made of small ones.
    joining: bool,
}

impl Arrivals {
    pub fn is_empty(&self) -> bool {
        self.payloads.is_empty()
    }

    /// Add a request; `sender` waits for its verdict, unless it has its answer.
    pub fn add(
        &mut self,
        payload: Payload,
        way: Way,
        sender: Option<oneshot::Sender<Verdict>>,
        hold: Hold,
    ) {
        let (items, requests) = &mut self.came[usize::from(!way.grpc)];
        *items += payload.items();
        *requests += 1;
        match self.peers.last_mut() {
            Some((peer, items)) if *peer == way.peer => *items += payload.items(),
            _ => self.peers.push((way.peer, payload.items())),
        }
        self.senders.extend(sender);
        match &mut self.hold {
            Some(all) => all.merge(hold),
            None => self.hold = Some(hold),
        }
        self.join(payload);
    }

    fn join(&mut self, payload: Payload) {
        let len = payload.bytes().len();
        let small = len <= SMALL;
        match self.payloads.last_mut() {
            Some(last) if small && self.joining && last.bytes().len() + len <= JOINED => {
                last.append(&payload);
            }
            _ => self.payloads.push(payload),
        }
        self.joining = small;
    }
}
