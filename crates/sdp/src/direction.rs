//! Which way media flows (RFC 4566 §6), as the one who writes it sees it.

/// Who sends and who listens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// The writer only sends: it has put the other on hold.
    SendOnly,
    /// The writer only listens.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The direction with these two ways open.
    pub fn of(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// The writer sends.
    pub fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// The writer listens.
    pub fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The same, as the other side sees it.
    pub fn reversed(self) -> Direction {
        Direction::of(self.receives(), self.sends())
    }

    /// What remains if both have to agree.
    pub fn and(self, other: Direction) -> Direction {
        Direction::of(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// The attribute's name.
    pub fn name(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// The direction of an attribute, if it is one of the four.
    pub fn from_name(name: &str) -> Option<Direction> {
        use Direction::*;
        [SendRecv, SendOnly, RecvOnly, Inactive].into_iter().find(|direction| direction.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::Direction::{self, *};

    #[test]
    fn what_one_sends_the_other_receives() {
        for (one, other) in [(SendRecv, SendRecv), (SendOnly, RecvOnly), (RecvOnly, SendOnly), (Inactive, Inactive)] {
            assert_eq!(one.reversed(), other);
            assert_eq!(Direction::from_name(one.name()), Some(one));
        }
        assert_eq!(SendOnly.and(RecvOnly), Inactive);
        assert_eq!(SendRecv.and(RecvOnly), RecvOnly);
        assert_eq!(Direction::from_name("sendonly "), None);
    }
}
