//! What goes out: every request of ours gets its Via and its way here.
//!
//! Where it stands: whoever has made a request says where it goes as far as it knows; one within a dialog goes by that
//! dialog's route (`next_hop`), one that is for a GRUU of ours where its phone is, one too large for a datagram by TCP.

use base::Time;

use super::overload::Overload;
use super::transactions::{Call, Moved, Owner};
use super::{Endpoint, Output};
use crate::invite::{TransactionId, TurnDown};
use crate::{Flow, Method, Name, Request, Transport, Via};

impl Endpoint {
    /// Sends a request and waits for its answer.
    pub(super) fn send(
        &mut self,
        mut request: Request,
        flow: Flow,
        owner: Option<Owner>,
        now: Time,
        out: &mut Vec<Output>,
    ) -> TransactionId {
        let flow = self.next_hop(&request, flow, now, out);
        let flow = self.by_gruu(&mut request, flow, now);
        let mut branch = self.add_via(&mut request, flow);
        let (mut bytes, mut way, mut moved) = (request.to_bytes(), flow, None);
        if let Some(larger) = self.larger_way(&request, bytes.len(), flow, now) {
            request.headers.remove_first(&Name::Via);
            moved = Some(Box::new(Moved { from: flow, request: Some(request.clone()) }));
            branch = self.add_via(&mut request, larger);
            (bytes, way) = (request.to_bytes(), larger);
        }
        let call = Call { branch: &branch, method: request.method, bytes, flow: way, owner, moved };
        self.transactions.call(call, now, out)
    }

    pub(super) fn acknowledge(
        &mut self,
        id: TransactionId,
        mut ack: Request,
        tag: &str,
        to: Flow,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let to = self.next_hop(&ack, to, now, out);
        let to = self.by_gruu(&mut ack, to, now);
        self.add_via(&mut ack, to); // the ACK of a 2xx is a transaction of its own (RFC 3261 §13.2.2.4)
        self.transactions.acknowledge(id, tag, ack.to_bytes(), to, now, out);
    }

    pub(super) fn turn_down(&mut self, id: TransactionId, turn_down: TurnDown, now: Time, out: &mut Vec<Output>) {
        let TurnDown { ack, tag, bye, to } = turn_down;
        self.acknowledge(id, ack, &tag, to, now, out);
        self.send(bye, to, None, now, out);
    }

    /// What is for a GRUU of ours goes to the contact it leads to, as it would by any proxy of ours (RFC 5627 §5.3): where
    /// the phone is now, if it has moved.
    pub(super) fn by_gruu(&self, request: &mut Request, flow: Flow, now: Time) -> Flow {
        let Some(binding) = self.registrar.named(&request.uri, flow, now) else { return flow };
        request.uri = binding.contact.clone();
        if request.headers.has(&Name::Route) {
            return flow; // the proxies it came by know the rest of the way
        }
        for hop in &binding.path {
            request.headers.push(Name::Route, &**hop);
        }
        binding.flow
    }

    pub(super) fn add_via(&mut self, request: &mut Request, flow: Flow) -> String {
        let branch = format!("{}{}", crate::MAGIC_COOKIE, self.random.token(24));
        let mut via = Via::new(flow.transport, flow.local, &*branch);
        if request.method == Method::Invite && self.is_to_trunk(flow) {
            Overload::offer(&mut via);
        }
        if flow.transport == Transport::Tls && self.is_to_trunk(flow) {
            via.params.set("alias", None); // it may speak to us by the same connection (RFC 5923 §8.1)
        }
        request.headers.push_front(Name::Via, via.to_string());
        branch
    }
}
