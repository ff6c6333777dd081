//! What the command line asks of a running switch.

use std::sync::Arc;
use std::time::Duration;

use base::Time;
use call::{Actor, How, Order, Silence};
use journal::Record;
use serde_json::{Value, json};
use tokio::task::{spawn_blocking, spawn_local};
use tracing::{error, info, warn};

use super::super::ask::{Line, RecordingOrder, Request, SupervisionOrder};
use super::super::console::Answers;
use super::super::mailboxes;
use super::super::prepare;
use super::super::reload::Loaded;
use super::{Arrival, Control};
use crate::status::{BanStatus, CallStatus, MailboxStatus, PhoneStatus, SubscriptionStatus, VoicemailStatus};
use crate::{Input, Output};

/// No drain is waited for longer.
const DRAIN_SECS_MAX: u64 = 7 * 24 * 3600;

impl Control {
    /// Answers the command line. A command that does not read what it asked for is told no more.
    pub(super) fn asked(
        &mut self,
        request: Request,
        by: &Arc<str>,
        answers: Answers,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        if request.changes() {
            let told = json!(request);
            info!(%by, "told to {}", told["ask"].as_str().unwrap_or_default());
            self.journal.append(now, Record::Told { by: by.to_string(), told });
        }
        match request {
            Request::Calls => {
                let status = |call: &call::Call| {
                    let position = self.switch.acd().position(call.id());
                    json!(CallStatus { position, ..CallStatus::of(call, now) })
                };
                let rows = self.switch.standing().map(status).collect();
                spawn_local(say_all(rows, answers));
            }
            Request::Queues => {
                let rows = self.switch.queues(now).into_iter().map(|queue| json!(queue));
                spawn_local(say_all(rows.collect(), answers));
            }
            Request::Agents => {
                let rows = self.switch.agents(now).into_iter().map(|agent| json!(agent));
                spawn_local(say_all(rows.collect(), answers));
            }
            Request::Agent { agent, order } => self.tell_agent(&agent, order, &answers, now, out),
            Request::Dispose { account, disposition, note, by } => {
                self.dispose(&account, disposition, note, by, &answers, now, out);
            }
            Request::CloseQueue { queue, closed } => self.close_queue(&queue, closed, &answers, now, out),
            Request::Prioritise { call, priority } => self.prioritise(&call, priority, &answers, now, out),
            Request::CallBacks => {
                let rows = self.switch.call_back_status(now).into_iter().map(|wish| json!(wish)).collect();
                spawn_local(say_all(rows, answers));
            }
            Request::CancelCallBack { id } => {
                let known = id.parse().is_ok_and(|id| self.switch.cancel_call_back(id, now, out));
                self.perform(out);
                let _ = answers.try_send(match known {
                    true => Line::Done(json!({ "id": id })),
                    false => {
                        Line::Failed(format!("nobody is to be called back for {id}; `centrala queues call-backs`"))
                    }
                });
            }
            Request::Pick { call, agent } => self.pick(&call, &agent, &answers, now, out),
            Request::Move { call, queue } => self.move_call(&call, &queue, &answers, now, out),
            Request::Phones => {
                let of = |(account, bindings): (&str, &[sip::Binding])| -> Vec<Value> {
                    bindings.iter().map(|binding| json!(PhoneStatus::of(account, binding, now))).collect()
                };
                let rows = self.switch.endpoint().registered().flat_map(of).collect();
                spawn_local(say_all(rows, answers));
            }
            Request::Bans => {
                let bans = self.switch.endpoint().bans(now);
                let bans = bans.into_iter().map(BanStatus::from);
                let blocked = self.switch.blocked().into_iter().map(BanStatus::outside);
                spawn_local(say_all(bans.chain(blocked).map(|ban| json!(ban)).collect(), answers));
            }
            Request::Trunks => {
                let rows = self.switch.trunks(now).into_iter().map(|trunk| json!(trunk)).collect();
                spawn_local(say_all(rows, answers));
            }
            Request::Trunk { name, enable } => {
                let known = self.switch.enable_trunk(&name, enable, now, out);
                self.perform(out);
                let _ = answers.try_send(match known {
                    true => {
                        info!(trunk = name, "{}", if enable { "enabled" } else { "disabled" });
                        Line::Done(json!({}))
                    }
                    false => Line::Failed(format!("there is no trunk {name}; `centrala trunks` lists them")),
                });
            }
            Request::Unban { who } => {
                let lifted = self.switch.unban(&who, now);
                info!(who, lifted, "unbanned");
                let _ = answers.try_send(Line::Done(json!({ "lifted": lifted })));
            }
            Request::Recording { call, order, by, limit_secs } => {
                let done = call.parse().ok().and_then(|call| {
                    let actor = Actor { by, how: How::Command };
                    self.switch.order(call, wanted(order, limit_secs), actor, now, out)
                });
                self.perform(out);
                let _ = answers.try_send(match done {
                    Some(true) => Line::Done(json!({ "call": call, "order": order })),
                    Some(false) => Line::Failed(format!("{call} is so already, or has ended; `centrala calls` tells")),
                    None => Line::Failed(format!("there is no call {call}; `centrala calls` lists them")),
                });
            }
            Request::Subscriptions => {
                let watching = self.switch.endpoint().subscriptions();
                let rows = watching.map(|watching| json!(SubscriptionStatus::of(watching, now))).collect();
                spawn_local(say_all(rows, answers));
            }
            Request::Conferences => {
                let rows = self.switch.conferences(now).into_iter().map(|member| json!(member)).collect();
                spawn_local(say_all(rows, answers));
            }
            Request::Conference { room, order } => {
                let done = self.switch.order_room(&room, order, now, out);
                self.perform(out);
                let _ = answers.try_send(match done {
                    true => Line::Done(json!({ "conference": room, "order": order })),
                    false => {
                        let what = "is there no longer, or has no member of that number";
                        Line::Failed(format!("conference {room:?} {what}; `centrala conferences` lists them"))
                    }
                });
            }
            Request::Hours => {
                let rows = self.switch.hours(now).into_iter().map(|hours| json!(hours)).collect();
                spawn_local(say_all(rows, answers));
            }
            Request::SwitchHours { hours, by_hand } => {
                let known = self.switch.switch_hours(&hours, by_hand, out);
                self.perform(out);
                if known {
                    self.hours.keep(super::print_hours(&self.switch), Some(answers));
                } else {
                    let why = format!("there are no hours {hours:?}; `centrala hours` lists them");
                    let _ = answers.try_send(Line::Failed(why));
                }
            }
            Request::Dial { person, number, answer } => {
                let begun = match self.switch.is_person(&person) {
                    true => self.switch.dial(&person, &person, &number, answer, now, out),
                    false => Err(404),
                };
                self.perform(out);
                let _ = answers.try_send(match begun {
                    Ok(call) => Line::Done(json!({ "call": call.to_string() })),
                    Err(404) if !self.switch.is_person(&person) => {
                        Line::Failed(format!("there is no person {person:?}; people.toml names them"))
                    }
                    Err(status) => Line::Failed(format!("{person} cannot be brought to {number:?} ({status})")),
                });
            }
            Request::Supervise { supervisor, agent, how } => {
                let ear = match how {
                    SupervisionOrder::Listen => route::Ear::Listen,
                    SupervisionOrder::Whisper => route::Ear::Whisper,
                    SupervisionOrder::Barge => route::Ear::Barge,
                };
                let begun = self.switch.supervise(&supervisor, &agent, ear, now, out);
                self.perform(out);
                let _ = answers.try_send(match begun {
                    Ok(call) => Line::Done(json!({ "call": call.to_string() })),
                    Err(404) => Line::Failed(format!(
                        "there is no person {supervisor:?}, or none {agent:?}; people.toml names them"
                    )),
                    Err(403) => Line::Failed(format!(
                        "{supervisor} may not hear {agent}; `supervises` in people.toml says who may"
                    )),
                    Err(status) => Line::Failed(format!("{supervisor} cannot be rung ({status})")),
                });
            }
            Request::Wishes => {
                let row = |(person, wanted): (&str, &flow::Wanted)| {
                    let mut row = json!(wanted);
                    row["person"] = person.into();
                    row
                };
                let rows = self.switch.wishes().iter().map(row).collect();
                spawn_local(say_all(rows, answers));
            }
            Request::Wish { person, wish, number } => {
                let number = number.unwrap_or_default();
                let wanted = wish.parse().map(|wish| self.switch.wants(&person, wish, &number, now, out));
                self.perform(out);
                let why = match wanted {
                    Ok(Ok(())) => return self.wishes.keep(super::print_wishes(&self.switch), Some(answers)),
                    Ok(Err(404)) if !self.switch.is_person(&person) => {
                        format!("there is no person {person:?}; people.toml names them")
                    }
                    Ok(Err(status)) => format!("{person} may send no calls to {number:?} ({status})"),
                    Err(why) => why,
                };
                let _ = answers.try_send(Line::Failed(why));
            }
            Request::Voicemail => {
                let rows = |(account, messages): (&str, &[::voicemail::Message])| {
                    messages.iter().map(|one| json!(VoicemailStatus::of(account, one))).collect::<Vec<_>>()
                };
                let rows = self.switch.voicemail().all().flat_map(rows).collect();
                spawn_local(say_all(rows, answers));
            }
            Request::Mailboxes => {
                let mailboxes = self.switch.mailboxes();
                let rows = mailboxes.map(|(account, mailbox)| json!(MailboxStatus::of(account, mailbox))).collect();
                spawn_local(say_all(rows, answers));
            }
            Request::Mailbox { who, new, old } => {
                let mailbox = sip::Mailbox { new, old, ..sip::Mailbox::default() };
                let known = self.switch.set_mailbox(&who, mailbox, now, out);
                self.perform(out);
                if known {
                    self.mailboxes.keep(mailboxes::print(self.switch.mailboxes()), Some(answers));
                } else {
                    let why = format!("there is no person {who:?}; people.toml names them");
                    let _ = answers.try_send(Line::Failed(why));
                }
            }
            Request::Trace { call, user, follow: true } => self.watch.follow(call, user, answers),
            Request::Trace { call, user, follow: false } => {
                drop(spawn_local(say_all(self.watch.said(call.as_deref(), user.as_deref()), answers)));
            }
            Request::Metrics => {
                let print = self.metrics.look(&self.switch, self.journal.progress(), now);
                spawn_local(async move {
                    let text = spawn_blocking(print).await.unwrap_or_default();
                    say_all(vec![json!(text)], answers).await;
                });
            }
            Request::Reload => {
                let (standing, inbox) = (self.standing.clone(), self.door.clone());
                spawn_local(async move {
                    let loaded = spawn_blocking(move || standing.load()).await;
                    let loaded = loaded.unwrap_or_else(|why| Err(vec![format!("a fault of ours: {why}")]));
                    let _ = inbox.send(Arrival::Loaded { loaded, answers }).await;
                });
            }
            Request::Drain { limit_secs } => {
                let calls = self.switch.calls();
                info!(calls, limit_secs, "draining: no new calls are taken; ends when the last one is over");
                self.draining = Some(limit_secs.map(|secs| now + Duration::from_secs(secs.min(DRAIN_SECS_MAX))));
                self.tell(Input::Drain, now, out);
                let _ = answers.try_send(Line::Done(json!({ "calls": calls })));
            }
        }
    }

    /// Applies a conf that is whole and right, or says what is wrong.
    pub(super) fn loaded(
        &mut self,
        loaded: Result<Loaded, Vec<String>>,
        answers: &Answers,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let line = match loaded {
            Ok(mut loaded) => {
                self.streams.reload(std::mem::take(&mut loaded.carriers));
                self.switch.reload(&loaded.conf, now, out);
                self.perform(out);
                let conf = &loaded.conf;
                self.expiry.keep(conf.retention.clone());
                self.mail.reload(conf.mail.clone());
                self.inbox.reload(conf.switch.emergency.clone());
                self.api.iter().for_each(|api| api.reload(&conf.switch.api));
                if let Err(why) = prepare::prompts(conf) {
                    warn!("prompts are encoded when they are played: {why}");
                }
                let (people, trunks, routes) = (conf.people.len(), conf.trunks.len(), conf.routes.routes.len());
                info!(people, trunks, routes, "the new conf is in force");
                for what in &loaded.restart {
                    warn!("{what} in switch.toml has changed; that takes a restart");
                }
                Line::Done(loaded.report())
            }
            Err(problems) => {
                problems.iter().for_each(|problem| error!("not reloaded: {problem}"));
                let count = problems.len();
                Line::Failed(format!("nothing was changed, the conf has {count} error(s)\n{}", problems.join("\n")))
            }
        };
        let _ = answers.try_send(line);
    }
}

fn wanted(order: RecordingOrder, limit_secs: Option<u32>) -> Order {
    let limit = limit_secs.map(|secs| Duration::from_secs(secs.into()));
    match order {
        RecordingOrder::Start => Order::Start,
        RecordingOrder::Stop => Order::Stop,
        RecordingOrder::Mask => Order::Silence { kind: Silence::Mask, limit },
        RecordingOrder::Unmask => Order::Sound(Silence::Mask),
        RecordingOrder::Pause => Order::Silence { kind: Silence::Pause, limit },
        RecordingOrder::Resume => Order::Sound(Silence::Pause),
    }
}

/// Many rows, as fast as they are read.
async fn say_all(rows: Vec<Value>, answers: Answers) {
    let count = rows.len();
    for row in rows {
        if answers.send(Line::Row(row)).await.is_err() {
            return;
        }
    }
    let _ = answers.send(Line::Done(json!({ "rows": count }))).await;
}
