//! `centrala conferences`: who is in which room, and what is to be done there.

use centrala::shell::Request;
use centrala::status::ConferenceStatus;
use clap::{Args, Subcommand};
use conference::Order;
use serde_json::Value;

use super::Switch;
use super::live::{Live, LiveArgs, clock};
use crate::Failure;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ConferencesArgs {
    #[command(flatten)]
    list: LiveArgs,
    #[command(subcommand)]
    change: Option<Change>,
}

#[derive(Subcommand)]
enum Change {
    /// Let a member not be heard; without a number, all but moderators
    Mute(MemberArgs),
    /// Let a member be heard again; without a number, all
    Unmute(MemberArgs),
    /// Put a member out
    Kick {
        #[command(flatten)]
        room: RoomArgs,
        /// The number
        member: u32,
    },
    /// Let nobody in but moderators
    Lock(RoomArgs),
    /// Let callers in again
    Unlock(RoomArgs),
    /// Record all who are there or come
    Record(RoomArgs),
    /// Record them no longer
    Stop(RoomArgs),
    /// Put all out
    End(RoomArgs),
}

#[derive(Args)]
struct RoomArgs {
    #[command(flatten)]
    switch: Switch,
    /// The conference, as conferences.toml names it
    conference: String,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct MemberArgs {
    #[command(flatten)]
    room: RoomArgs,
    /// The number
    member: Option<u32>,
}

const CONFERENCES: Live = Live {
    request: Request::Conferences,
    head: &["CONFERENCE", "MEMBER", "WHO", "FOR", "ROLE", "HEARD", "ROOM", "CALL"],
    columns,
    none: "nobody is in a conference",
};

impl ConferencesArgs {
    pub fn run(self) -> Result<(), Failure> {
        let mute = |MemberArgs { room, member }: MemberArgs, muted| match member {
            Some(member) => (room, Order::Mute { member, muted }),
            None => (room, Order::MuteOthers { muted: Some(muted) }),
        };
        let (room, order) = match self.change {
            None => return self.list.run(&CONFERENCES),
            Some(Change::Mute(who)) => mute(who, true),
            Some(Change::Unmute(who)) => mute(who, false),
            Some(Change::Kick { room, member }) => (room, Order::Kick { member: Some(member) }),
            Some(Change::Lock(room)) => (room, Order::Lock { locked: Some(true) }),
            Some(Change::Unlock(room)) => (room, Order::Lock { locked: Some(false) }),
            Some(Change::Record(room)) => (room, Order::Record { recorded: Some(true) }),
            Some(Change::Stop(room)) => (room, Order::Record { recorded: Some(false) }),
            Some(Change::End(room)) => (room, Order::End),
        };
        let RoomArgs { switch, conference, json } = room;
        let done = switch.ask(&Request::Conference { room: conference.clone(), order }, |_| true)?;
        match json {
            true => println!("{done}"),
            false => println!("{conference}: done"),
        }
        Ok(())
    }
}

fn columns(row: Value) -> Option<Vec<String>> {
    let member: ConferenceStatus = serde_json::from_value(row).ok()?;
    let role = if member.moderator { "moderator" } else { "-" };
    let heard = match (member.muted, member.muted_by_moderator) {
        (_, true) => "muted by a moderator",
        (true, _) => "muted",
        _ => "yes",
    };
    let marks = [(member.waits, "waits"), (member.locked, "locked"), (member.recorded, "recorded")];
    let marks: Vec<&str> = marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect();
    let marks = if marks.is_empty() { "-".to_owned() } else { marks.join(",") };
    let number = member.member.to_string();
    let (role, heard) = (role.to_owned(), heard.to_owned());
    Some(vec![member.conference, number, member.who, clock(member.secs), role, heard, marks, member.call])
}
