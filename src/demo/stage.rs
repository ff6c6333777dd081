//! Simulated phones on sockets of their own, in real time.
//!
//! Where it stands: the only place of the demo that waits. It carries datagrams between `sim`'s phones and the network,
//! and tells the ladder what it carries.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use base::{Random, Time};
use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sim::Phone;
use sim::phone::{Command, Event, Input, Output, PhoneConf};

use super::ladder::Ladder;
use crate::shell::clock::Clock;

/// The phones of the demo.
pub(super) struct Stage {
    clock: Clock,
    random: Random,
    seats: Vec<Seat>,
    ladder: Ladder,
}

struct Seat {
    name: &'static str,
    phone: Phone,
    sip: UdpSocket,
    rtp: UdpSocket,
    /// Those no step has waited for yet.
    events: Vec<Event>,
}

impl Stage {
    pub(super) fn new(random: Random, ladder: Ladder) -> io::Result<Stage> {
        Ok(Stage { clock: Clock::start(), random, seats: Vec::new(), ladder })
    }

    /// Puts a phone on a desk at this address, on whatever ports are free.
    pub(super) fn seat(&mut self, name: &'static str, address: IpAddr, conf: PhoneConf) -> io::Result<()> {
        let bind = || {
            let socket = UdpSocket::bind((address, 0))?;
            socket.set_nonblocking(true)?;
            Ok::<_, io::Error>(socket)
        };
        let (sip, rtp) = (bind()?, bind()?);
        let conf = PhoneConf { sip: sip.local_addr()?, rtp: rtp.local_addr()?, ..conf };
        let phone = Phone::new(conf, self.random.fork());
        self.seats.push(Seat { name, phone, sip, rtp, events: Vec::new() });
        Ok(())
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    /// What a phone heard since then.
    pub(super) fn heard(&self, desk: usize, since: Time) -> Vec<i16> {
        self.seats[desk].phone.ear().map(|ear| ear.since(since)).unwrap_or_default()
    }

    /// Pushes a button.
    pub(super) fn push(&mut self, desk: usize, button: Command) {
        self.tell(desk, Input::Command(button));
    }

    /// Something for people to read, at a phone's side of the ladder.
    pub(super) fn note(&mut self, desk: usize, text: &str) {
        let now = self.now();
        self.ladder.note(now, self.seats[desk].name, text);
    }

    /// The ladder is not drawn any more.
    pub(super) fn hush(&mut self) {
        self.ladder.hush();
    }

    /// Lets real time pass.
    pub(super) fn pass(&mut self, duration: Duration) -> Result<(), super::DemoError> {
        let until = self.now() + duration;
        while self.now() < until {
            self.turn(until)?;
        }
        Ok(())
    }

    /// Lets time pass until that has happened at a phone; false if it has not within `at_most`.
    pub(super) fn wait(&mut self, at_most: Duration, desk: usize, is_it: impl Fn(&Event) -> bool) -> io::Result<bool> {
        let until = self.now() + at_most;
        loop {
            let seat = &mut self.seats[desk];
            if let Some(at) = seat.events.iter().position(&is_it) {
                seat.events.drain(..=at);
                return Ok(true);
            }
            if self.now() >= until {
                return Ok(false);
            }
            self.turn(until)?;
        }
    }

    /// Waits for a datagram or the next deadline, and does what is due.
    fn turn(&mut self, until: Time) -> io::Result<()> {
        let deadline = self.seats.iter().filter_map(|seat| seat.phone.deadline()).fold(until, Time::min);
        let timeout = deadline.since(self.now());
        let timeout = Timespec { tv_sec: timeout.as_secs().cast_signed(), tv_nsec: timeout.subsec_nanos().into() };
        let sockets = self.seats.iter().flat_map(|seat| [&seat.sip, &seat.rtp]);
        let mut waiting: Vec<PollFd<'_>> = sockets.map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
        match poll(&mut waiting, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(why) => return Err(why.into()),
        }
        for desk in 0..self.seats.len() {
            while let Some((_, bytes)) = receive(&self.seats[desk].sip)? {
                self.tell(desk, Input::Sip(bytes));
            }
            while let Some((from, bytes)) = receive(&self.seats[desk].rtp)? {
                self.tell(desk, Input::Rtp { from, bytes });
            }
            if self.seats[desk].phone.deadline().is_some_and(|at| at <= self.now()) {
                self.tell(desk, Input::Tick);
            }
        }
        Ok(())
    }

    fn tell(&mut self, desk: usize, input: Input) {
        let now = self.now();
        let seat = &mut self.seats[desk];
        let mut out = Vec::new();
        seat.phone.handle(input, now, &mut out);
        for output in out {
            // What the network does not take is lost, as datagrams are.
            match output {
                Output::Sip { to, bytes } => drop(seat.sip.send_to(&bytes, to)),
                Output::Rtp { to, bytes } => drop(seat.rtp.send_to(&bytes, to)),
                Output::Event(Event::Said(message)) => self.ladder.message(now, seat.name, true, &message),
                Output::Event(Event::Heard(message)) => self.ladder.message(now, seat.name, false, &message),
                Output::Event(event) => {
                    if seat.events.len() == EVENTS_MAX {
                        seat.events.clear(); // nobody has waited for any of them for long
                    }
                    seat.events.push(event);
                }
            }
        }
    }
}

/// The next datagram, if there is one. That nobody was there when we sent (ICMP) is no reason to stop listening.
fn receive(socket: &UdpSocket) -> io::Result<Option<(SocketAddr, Bytes)>> {
    let mut buffer = [0; 4096];
    match socket.recv_from(&mut buffer) {
        Ok((length, from)) => Ok(Some((from, Bytes::copy_from_slice(&buffer[..length])))),
        Err(why)
            if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionRefused | ErrorKind::Interrupted) =>
        {
            Ok(None)
        }
        Err(why) => Err(why),
    }
}

const EVENTS_MAX: usize = 1_000;
