//! What a supervisor does to queues and agents from the command line.

use centrala::shell::{AgentOrder, Request};
use centrala::status::CallBackStatus;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::live::{self, LiveArgs};
use super::{ListArgs, Switch};
use crate::Failure;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AgentsArgs {
    #[command(flatten)]
    list: LiveArgs,
    #[command(subcommand)]
    change: Option<AgentChange>,
}

#[derive(Subcommand)]
enum AgentChange {
    /// Log an agent in, or end a pause or the time after a call
    Ready {
        #[command(flatten)]
        agent: AgentArgs,
        /// For the calls of this queue: alone, where the agent is not at work
        #[arg(long)]
        queue: Option<String>,
    },
    /// Send an agent into a pause, after the call that is under way
    Pause {
        #[command(flatten)]
        agent: AgentArgs,
        /// Why: it stands in reports
        #[arg(long, default_value = "supervisor")]
        reason: String,
    },
    /// Let an agent serve a queue that is not his own, until he logs out or the conf is read again; `logout --queue` ends it
    Lend {
        #[command(flatten)]
        agent: AgentArgs,
        /// The queue's name
        queue: String,
    },
    /// Give an agent more time after the call that is over, or under way; `ready` ends it
    WrapUp {
        #[command(flatten)]
        agent: AgentArgs,
        /// How much
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=3600))]
        secs: u16,
    },
    /// Say what an agent's call came to, under way or the last one: into the journal, the CDR and the recording's sidecar
    Dispose {
        #[command(flatten)]
        agent: AgentArgs,
        /// One of [dispositions] in queues.toml, by name or code; a note may stand alone
        #[arg(required_unless_present = "note")]
        disposition: Option<String>,
        /// A note beside it
        #[arg(long)]
        note: Option<String>,
        /// Who says so; the system's user if not said
        #[arg(long, env = "USER")]
        by: Option<String>,
    },
    /// Log an agent out, after the call that is under way
    Logout {
        #[command(flatten)]
        agent: AgentArgs,
        /// Of this queue; out of the last one is out of all
        #[arg(long)]
        queue: Option<String>,
    },
}

#[derive(Args)]
struct AgentArgs {
    #[command(flatten)]
    switch: Switch,
    /// The agent's account
    name: String,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct QueuesArgs {
    #[command(flatten)]
    list: LiveArgs,
    #[command(subcommand)]
    change: Option<QueueChange>,
}

#[derive(Subcommand)]
enum QueueChange {
    /// Let nobody in any more, and send those who wait the way of `closed`; conversations go on
    Close(QueueArgs),
    /// Let callers in again
    Open(QueueArgs),
    /// Who wants to be called back, in the order in which it was asked for
    CallBacks(ListArgs),
    /// Call somebody back no more
    Cancel {
        #[command(flatten)]
        switch: Switch,
        /// The wish, as `call-backs` names it
        id: String,
    },
    /// Ring this agent for a caller who waits, whoever stands before him
    Take {
        #[command(flatten)]
        switch: Switch,
        /// Our id of the call
        call: String,
        /// The agent's account
        agent: String,
    },
    /// Let a caller who waits wait in another queue, with what he has waited
    Move {
        #[command(flatten)]
        switch: Switch,
        /// Our id of the call
        call: String,
        /// The queue's name
        queue: String,
    },
    /// Say how urgent a caller is who waits: each point is worth priority_secs of waiting
    Prioritise {
        #[command(flatten)]
        switch: Switch,
        /// Our id of the call
        call: String,
        /// 0 is usual; less than 0 lets others by
        #[arg(allow_negative_numbers = true)]
        priority: i32,
    },
}

#[derive(Args)]
struct QueueArgs {
    #[command(flatten)]
    switch: Switch,
    /// The queue's name
    name: String,
}

impl AgentsArgs {
    pub fn run(self) -> Result<(), Failure> {
        let (AgentArgs { switch, name }, order, is) = match self.change {
            None => return self.list.run(&live::AGENTS),
            Some(AgentChange::Dispose { agent: AgentArgs { switch, name }, disposition, note, by }) => {
                let by = by.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
                let request = Request::Dispose { account: name.clone(), disposition, note, by };
                let said = switch.ask(&request, |_| true)?;
                println!("said of {name}'s call {}", said["call"].as_str().unwrap_or_default());
                return Ok(());
            }
            Some(AgentChange::Ready { agent, queue: None }) => (agent, AgentOrder::Ready, "ready".to_owned()),
            Some(AgentChange::Ready { agent, queue: Some(queue) }) => {
                let is = format!("there for {queue}");
                (agent, AgentOrder::Serve { queue, serves: true }, is)
            }
            Some(AgentChange::Pause { agent, reason }) => {
                (agent, AgentOrder::Pause { reason }, "in a pause".to_owned())
            }
            Some(AgentChange::Lend { agent, queue }) => {
                let is = format!("there for {queue}");
                (agent, AgentOrder::Lend { queue }, is)
            }
            Some(AgentChange::WrapUp { agent, secs }) => {
                (agent, AgentOrder::WrapUp { secs }, format!("finishing a call, with {secs} s more"))
            }
            Some(AgentChange::Logout { agent, queue: None }) => (agent, AgentOrder::LogOut, "logged out".to_owned()),
            Some(AgentChange::Logout { agent, queue: Some(queue) }) => {
                let is = format!("there for {queue} no longer");
                (agent, AgentOrder::Serve { queue, serves: false }, is)
            }
        };
        let at_once = matches!(order, AgentOrder::Serve { .. } | AgentOrder::Lend { .. });
        let said = switch.ask(&Request::Agent { agent: name.clone(), order }, |_| true)?;
        match said["state"].as_str() {
            Some("talking") if !at_once => println!("{name} talks, and is {is} after that"),
            _ => println!("{name} is {is}"),
        }
        Ok(())
    }
}

impl QueuesArgs {
    pub fn run(self) -> Result<(), Failure> {
        let (QueueArgs { switch, name }, closed) = match self.change {
            None => return self.list.run(&live::QUEUES),
            Some(QueueChange::Close(queue)) => (queue, true),
            Some(QueueChange::Open(queue)) => (queue, false),
            Some(QueueChange::CallBacks(list)) => {
                return list.list(&Request::CallBacks, call_back_columns, "nobody wants to be called back");
            }
            Some(QueueChange::Cancel { switch, id }) => {
                switch.ask(&Request::CancelCallBack { id: id.clone() }, |_| true)?;
                println!("nobody is called back for {id}");
                return Ok(());
            }
            Some(QueueChange::Take { switch, call, agent }) => {
                switch.ask(&Request::Pick { call: call.clone(), agent: agent.clone() }, |_| true)?;
                println!("{agent} is rung for {call}");
                return Ok(());
            }
            Some(QueueChange::Move { switch, call, queue }) => {
                let said = switch.ask(&Request::Move { call: call.clone(), queue: queue.clone() }, |_| true)?;
                match said["position"].as_u64() {
                    Some(position) => println!("{call} waits in {queue}, at place {position}"),
                    None => println!("{call} was sent to {queue}, which did not keep it"),
                }
                return Ok(());
            }
            Some(QueueChange::Prioritise { switch, call, priority }) => {
                let said = switch.ask(&Request::Prioritise { call: call.clone(), priority }, |_| true)?;
                println!("{call} stands at place {}", said.get("position").unwrap_or(&json!("?")));
                return Ok(());
            }
        };
        switch.ask(&Request::CloseQueue { queue: name.clone(), closed }, |_| true)?;
        println!("{name} is {}, until it is told otherwise or the switch ends", if closed { "closed" } else { "open" });
        Ok(())
    }
}

fn call_back_columns(row: Value) -> Option<Vec<String>> {
    let wish: CallBackStatus = serde_json::from_value(row).ok()?;
    let tries = format!("{} of {} tries", wish.tries, wish.tries_max);
    Some(vec![wish.id, wish.queue, wish.number, format!("{} s", wish.secs), tries])
}
