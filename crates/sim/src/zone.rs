//! What the name servers of a made-up world answer: lines as zone files have them.

use std::net::IpAddr;
use std::time::Duration;

use locate::{Answer, Kind, Question, Record};

/// Names and their records.
///
/// ```
/// use locate::{Answer, Kind, Question};
/// let zone: sim::Zone = "
///     carrier.example           300  NAPTR  10 50 s SIP+D2U _sip._udp.carrier.example
///     _sip._udp.carrier.example 60   SRV    10 1 5060 a.carrier.example
///     a.carrier.example         60   A      192.0.2.7
/// ".parse().unwrap();
/// assert!(matches!(zone.answer(&Question::new("A.Carrier.Example.", Kind::A)), Answer::Records { .. }));
/// assert!(matches!(zone.answer(&Question::new("b.carrier.example", Kind::A)), Answer::Nothing { .. }));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Zone {
    lines: Vec<(Question, Duration, Record)>,
    /// The name servers say nothing.
    pub silent: bool,
}

/// That there is nothing holds so long.
const NEGATIVE_TTL: Duration = Duration::from_secs(30);

impl Zone {
    /// The answer to a question.
    pub fn answer(&self, question: &Question) -> Answer {
        if self.silent {
            return Answer::Failed;
        }
        let found = self.lines.iter().filter(|(about, ..)| about == question);
        let records: Vec<Record> = found.clone().map(|(.., record)| record.clone()).collect();
        match found.map(|(_, ttl, _)| *ttl).min() {
            Some(ttl) => Answer::Records { records, ttl },
            None => Answer::Nothing { ttl: NEGATIVE_TTL },
        }
    }
}

impl std::str::FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Zone, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let lines = lines.map(|line| read(line).ok_or_else(|| format!("no line of a zone: {line}")));
        Ok(Zone { lines: lines.collect::<Result<_, _>>()?, silent: false })
    }
}

fn read(line: &str) -> Option<(Question, Duration, Record)> {
    let mut words = line.split_whitespace();
    let (name, ttl, kind) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let words: Vec<&str> = words.collect();
    let (kind, record) = match (kind, &words[..]) {
        ("NAPTR", [order, preference, flags, service, replacement]) => {
            let (flags, service) = (flags.to_string(), service.to_string());
            let (order, preference) = (order.parse().ok()?, preference.parse().ok()?);
            (Kind::Naptr, Record::Naptr { order, preference, flags, service, replacement: replacement.to_string() })
        }
        ("SRV", [priority, weight, port, target]) => {
            let (priority, weight, port) = (priority.parse().ok()?, weight.parse().ok()?, port.parse().ok()?);
            (Kind::Srv, Record::Srv { priority, weight, port, target: target.to_string() })
        }
        ("A" | "AAAA", [address]) => {
            let address: IpAddr = address.parse().ok()?;
            (if address.is_ipv4() { Kind::A } else { Kind::Aaaa }, Record::Address(address))
        }
        _ => return None,
    };
    Some((Question::new(name, kind), Duration::from_secs(ttl), record))
}
