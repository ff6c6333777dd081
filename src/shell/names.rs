//! The name servers: questions of the locator go out, answers come into the control thread's inbox.
//!
//! Where it stands: it runs beside the control thread's work and never holds it up. What an answer means, and for how long,
//! is the locator's business.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use locate::{Answer, Input, Kind, Question, Record};
use tokio::sync::mpsc::Sender;
use tokio::task::spawn_local;
use tracing::{debug, warn};

use super::control::Arrival;

/// How long a name server may take, and how often it is asked.
const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: usize = 2;
/// That there is no such record holds so long where the server does not say (RFC 2308 §5).
const NEGATIVE_TTL: Duration = Duration::from_secs(60);

/// The name servers.
pub(super) struct Names {
    resolver: Option<Rc<TokioResolver>>,
    inbox: Sender<Arrival>,
}

impl Names {
    /// These; the system's if none are named.
    pub(super) fn new(servers: &[SocketAddr], inbox: Sender<Arrival>) -> Names {
        let resolver = resolver(servers).map(Rc::new);
        if let Err(why) = &resolver {
            warn!(
                "no name servers ({why}); trunks with names are not reached. Name some with [dns] servers in switch.toml"
            );
        }
        Names { resolver: resolver.ok(), inbox }
    }

    /// Asks; the answer arrives later.
    pub(super) fn ask(&self, question: Question) {
        let (resolver, inbox) = (self.resolver.clone(), self.inbox.clone());
        spawn_local(async move {
            let answer = match resolver {
                Some(resolver) => answer(&resolver, &question).await,
                None => Answer::Failed,
            };
            debug!(%question, ?answer, "name server");
            let _ = inbox.send(Arrival::Input(crate::Input::Located(Input::Answered { question, answer }))).await;
        });
    }
}

fn resolver(servers: &[SocketAddr]) -> Result<TokioResolver, NetError> {
    let mut builder = match servers {
        [] => TokioResolver::builder_tokio()?,
        servers => {
            let server = |address: &SocketAddr| {
                let connection = |mut connection: ConnectionConfig| {
                    connection.port = address.port();
                    connection
                };
                let ways = vec![connection(ConnectionConfig::udp()), connection(ConnectionConfig::tcp())];
                NameServerConfig::new(address.ip(), true, ways)
            };
            let config = ResolverConfig::from_name_servers(servers.iter().map(server).collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let options = builder.options_mut();
    options.timeout = PATIENCE;
    options.attempts = TRIES;
    options.cache_size = 0; // the locator remembers
    builder.build()
}

async fn answer(resolver: &TokioResolver, question: &Question) -> Answer {
    let kind = match question.kind {
        Kind::Naptr => RecordType::NAPTR,
        Kind::Srv => RecordType::SRV,
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::AAAA,
    };
    // A name that cannot stand in a question has no records.
    let Ok(name) = Name::from_ascii(format!("{}.", question.name)) else {
        return Answer::Nothing { ttl: NEGATIVE_TTL };
    };
    match resolver.lookup(name, kind).await {
        Ok(found) => {
            // The records of a chain of CNAMEs hold as long as the shortest of it.
            let ttl = found.answers().iter().map(|record| record.ttl).min().unwrap_or_default();
            let records: Vec<Record> = found.answers().iter().filter_map(|record| read(&record.data)).collect();
            match records.is_empty() {
                true => Answer::Nothing { ttl: NEGATIVE_TTL },
                false => Answer::Records { records, ttl: Duration::from_secs(ttl.into()) },
            }
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(nothing))) => {
            Answer::Nothing { ttl: nothing.negative_ttl.map_or(NEGATIVE_TTL, |secs| Duration::from_secs(secs.into())) }
        }
        Err(why) => {
            warn!(%question, "no answer of the name servers: {why}");
            Answer::Failed
        }
    }
}

fn read(record: &RData) -> Option<Record> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match record {
        RData::A(address) => Some(Record::Address(address.0.into())),
        RData::AAAA(address) => Some(Record::Address(address.0.into())),
        RData::SRV(server) => Some(Record::Srv {
            priority: server.priority,
            weight: server.weight,
            port: server.port,
            target: server.target.to_ascii(),
        }),
        RData::NAPTR(pointer) => Some(Record::Naptr {
            order: pointer.order,
            preference: pointer.preference,
            flags: text(&pointer.flags),
            service: text(&pointer.services),
            replacement: pointer.replacement.to_ascii(),
        }),
        _ => None,
    }
}
