//! Queues and agents: who waits, who is free, and who gets whom.
//!
//! Where it stands: beside `call`; the switch owns one [`Acd`] and carries its offers to the programs of `flow`, and
//! what became of them back. It pairs ids: it sees no leg, no packet and no sound. It knows only `base`.
//!
//! What it promises, whatever the order of its inputs: an agent is offered one call at a time, over all queues; a caller
//! gets one agent; no free agent and no waiting caller who fit each other are left apart; and every entry into a queue
//! ends in exactly one [`Outcome`]. Everything that happens is a [`Fact`]; the figures are folds over the facts.
#![forbid(unsafe_code)]

mod acd;
mod agent;
mod alert;
mod call_back;
mod conf;
mod entry;
mod estimate;
mod fact;
mod figures;
mod history;
mod idle;
mod input;
mod memory;
mod name;
mod places;
mod queue;
mod simulation;
#[cfg(test)]
mod tests;
mod text;
mod want;

pub use acd::{Acd, AgentView, Owed, QueueView, Restored, RestoredAgent};
pub use agent::AgentState;
pub use alert::{Alert, AlertConf};
pub use call_back::{CallBackInput, CallBackOutput, CallBackState, CallBacks, First, Terms, Wish};
pub use conf::{AcdConf, AgentConf, Member, QueueConf, Staffing, Sticky, Strategy};
pub use fact::{EndedBy, Fact, Occasion, Outcome, Overflow, What, Why};
pub use figures::{AgentFigures, Denominator, Figures, FiguresConf, QueueFigures};
pub use history::History;
pub use input::{Gone, Input, Join, Output, Refusal};
pub use name::{AgentName, QueueName, Skill};
pub use simulation::{Caller, Shift, simulate};
pub use want::{Needs, Relax, Skilled, Widening};
