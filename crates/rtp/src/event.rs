//! Telephone-events: keys sent as numbers instead of sound (RFC 4733).
//!
//! Where it stands: `media` gives packets of the telephone-event payload type to a [`Detector`] and passes them on.
//! It knows no SIP INFO and no tone in the audio.

use crate::Packet;

/// The payload of a telephone-event packet (RFC 4733 §2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// Which event: 0–9, 10 `*`, 11 `#`, 12–15 `A`–`D`; others are not keys.
    pub code: u8,
    /// The event is over; said three times.
    pub end: bool,
    /// Loudness in −dBm0, 0 to 63.
    pub volume: u8,
    /// How long it has lasted since its timestamp, in timestamp units.
    pub duration: u16,
}

impl Event {
    /// Reads a payload; `None` if it is too short. What follows the first four bytes is ignored.
    pub fn read(payload: &[u8]) -> Option<Event> {
        let [code, flags, high, low] = *payload.first_chunk::<4>()?;
        Some(Event { code, end: flags & 0x80 != 0, volume: flags & 0x3f, duration: u16::from_be_bytes([high, low]) })
    }

    /// The payload.
    pub fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, u8::from(self.end) << 7 | self.volume & 0x3f, high, low]
    }

    /// The key, if it is one.
    pub fn digit(self) -> Option<char> {
        KEYS.get(usize::from(self.code)).map(|key| char::from(*key))
    }

    /// The code of a key (RFC 4733 table 3).
    pub fn code_of(digit: char) -> Option<u8> {
        let key = u8::try_from(digit.to_ascii_uppercase()).ok()?;
        KEYS.iter().position(|known| *known == key).map(|code| code as u8)
    }

    /// All packets of one key press, as marker and event: an update each `step` timestamp units while it lasts, then
    /// the end three times (RFC 4733 §2.5.1.4). They share one timestamp.
    ///
    /// ```
    /// let press: Vec<_> = rtp::event::Event::press('5', 800, 160).collect();
    /// assert_eq!(press.iter().filter(|(_, event)| event.end).count(), 3);
    /// assert!(press[0].0 && press[1..].iter().all(|(marker, _)| !marker));
    /// ```
    pub fn press(digit: char, duration: u16, step: u16) -> impl Iterator<Item = (bool, Event)> {
        const VOLUME: u8 = 10;
        let code = Event::code_of(digit);
        let event = move |end, duration| Some(Event { code: code?, end, volume: VOLUME, duration });
        let step = step.max(1);
        let updates = (step..duration).step_by(step.into());
        let said = updates.map(move |now| event(false, now)).chain((0..3).map(move |_| event(true, duration)));
        said.flatten().enumerate().map(|(n, event)| (n == 0, event))
    }
}

const KEYS: &[u8; 16] = b"0123456789*#ABCD";

/// Hears keys: one digit for each press, however often its packets are repeated, and whichever of them are lost.
///
/// A press is known by its timestamp (RFC 4733 §2.5.1.2), so it is told at the first packet that arrives, and neither
/// its beginning nor its end is needed.
#[derive(Clone, Debug, Default)]
pub struct Detector {
    last: Option<Heard>,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    ssrc: u32,
    timestamp: u32,
    code: u8,
    /// What the next segment of a press longer than 65,535 units will have as timestamp.
    next_segment: u32,
    ended: bool,
}

impl Detector {
    /// One that has heard nothing.
    pub fn new() -> Detector {
        Detector::default()
    }

    /// Takes a telephone-event packet; returns the digit if it begins one.
    pub fn receive(&mut self, packet: &Packet, payload: &[u8]) -> Option<char> {
        let event = Event::read(payload)?;
        let heard = Heard {
            ssrc: packet.ssrc,
            timestamp: packet.timestamp,
            code: event.code,
            next_segment: packet.timestamp.wrapping_add(event.duration.into()),
            ended: event.end,
        };
        match self.last {
            Some(last) if last.ssrc == packet.ssrc => match packet.timestamp.wrapping_sub(last.timestamp) {
                0 if event.code == last.code => {
                    let ended = last.ended || event.end;
                    let next_segment = u32::max(heard.next_segment.wrapping_sub(last.timestamp), last.segment_length());
                    self.last = Some(Heard { ended, next_segment: last.timestamp.wrapping_add(next_segment), ..last });
                    None
                }
                // RFC 4733 §2.5.1.3: a press longer than the field goes on as a segment that starts where the last stopped.
                ahead
                    if event.code == last.code && !last.ended && last.segment_length() == ahead && ahead >= 0xff00 =>
                {
                    self.last = Some(heard);
                    None
                }
                // An earlier press, overtaken on its way; further back it is a source that began anew.
                behind if behind > u32::MAX - OVERTAKEN_UNITS => None,
                _ => self.begin(heard, event),
            },
            _ => self.begin(heard, event),
        }
    }

    fn begin(&mut self, heard: Heard, event: Event) -> Option<char> {
        self.last = Some(heard);
        event.digit()
    }
}

impl Heard {
    fn segment_length(&self) -> u32 {
        self.next_segment.wrapping_sub(self.timestamp)
    }
}

/// How far back a late packet may lie: 10 s at 8 kHz.
const OVERTAKEN_UNITS: u32 = 80_000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// (timestamp, key, end, duration)
    type Said = (u32, char, bool, u16);

    fn heard(said: &[Said]) -> String {
        let mut detector = Detector::new();
        let packets = said.iter().map(|(timestamp, key, end, duration)| {
            let event = Event { code: Event::code_of(*key).unwrap_or(16), end: *end, volume: 10, duration: *duration };
            (packet(1, *timestamp), event.to_bytes())
        });
        packets.filter_map(|(packet, payload)| detector.receive(&packet, &payload)).collect()
    }

    fn packet(ssrc: u32, timestamp: u32) -> Packet {
        Packet { payload_type: 101, marker: false, sequence: 0, timestamp, ssrc, payload: 12..16 }
    }

    #[test]
    fn a_press_is_one_digit_whatever_is_repeated_or_lost() {
        const END: bool = true;
        for (name, said, digits) in [
            ("nothing", &[][..], ""),
            (
                "a press with three ends",
                &[(0, '5', !END, 160), (0, '5', !END, 320), (0, '5', END, 480), (0, '5', END, 480), (0, '5', END, 480)],
                "5",
            ),
            ("the start is lost", &[(0, '5', !END, 320), (0, '5', END, 480)], "5"),
            ("only an end arrives", &[(0, '#', END, 480)], "#"),
            (
                "the end is lost, another key follows",
                &[(0, '1', !END, 160), (2000, '2', !END, 160), (2000, '2', END, 480)],
                "12",
            ),
            (
                "two same digits in a row",
                &[(0, '7', !END, 160), (0, '7', END, 480), (2000, '7', !END, 160), (2000, '7', END, 480)],
                "77",
            ),
            (
                "two same digits, the first end lost",
                &[(0, '7', !END, 160), (2000, '7', !END, 160), (2000, '7', END, 480)],
                "77",
            ),
            ("two same digits, only their ends", &[(0, '7', END, 480), (2000, '7', END, 480)], "77"),
            (
                "an end overtaken by the next press",
                &[(0, '1', !END, 160), (2000, '2', !END, 160), (0, '1', END, 480), (2000, '2', END, 480)],
                "12",
            ),
            ("an update after the end", &[(0, '1', END, 480), (0, '1', !END, 320)], "1"),
            ("the timestamp wraps", &[(u32::MAX - 100, '1', END, 480), (3000, '2', END, 480)], "12"),
            ("a source that begins anew", &[(3_000_000, '1', END, 480), (160, '2', END, 480)], "12"),
            (
                "a press of 20 s in segments",
                &[
                    (0, '9', !END, 65_535),
                    (65_535, '9', !END, 160),
                    (65_535, '9', !END, 65_535),
                    (131_070, '9', END, 9000),
                ],
                "9",
            ),
            ("a flash is no key", &[(0, '!', !END, 160), (0, '!', END, 480), (2000, '3', END, 160)], "3"),
            ("all keys", &[(0, '*', END, 9), (2000, '0', END, 9), (4000, 'A', END, 9), (6000, 'd', END, 9)], "*0AD"),
        ] {
            assert_eq!(heard(said), digits, "{name}");
        }
    }

    #[test]
    fn another_source_may_press_at_the_same_timestamp() {
        let mut detector = Detector::new();
        let payload = Event { code: 4, end: true, volume: 0, duration: 400 }.to_bytes();
        assert_eq!(detector.receive(&packet(1, 0), &payload), Some('4'));
        assert_eq!(detector.receive(&packet(2, 0), &payload), Some('4'));
        assert_eq!(detector.receive(&packet(2, 0), &payload), None);
    }

    #[test]
    fn short_payloads_are_no_events() {
        for payload in [&[][..], &[5], &[5, 0, 0]] {
            assert_eq!(Detector::new().receive(&packet(1, 0), payload), None);
        }
        assert_eq!(Event::read(&[5, 0x8a, 1, 2, 99]), Some(Event { code: 5, end: true, volume: 10, duration: 258 }));
    }

    #[test]
    fn a_key_that_is_none_is_not_pressed() {
        assert_eq!(Event::press('x', 800, 160).count(), 0);
        assert_eq!(Event::press('1', 0, 0).count(), 3);
        assert_eq!(Event::press('1', u16::MAX, 0).filter(|(_, event)| event.end).count(), 3);
    }

    proptest! {
        #[test]
        fn any_number_dialled_is_heard_whatever_is_lost(digits in "[0-9*#]{1,20}", lost: u64) {
            let mut detector = Detector::new();
            let mut heard = String::new();
            for (n, digit) in digits.chars().enumerate() {
                let mut arrived = false;
                for (k, (_, event)) in Event::press(digit, 800, 160).enumerate() {
                    let lost = lost >> ((n * 7 + k) % 64) & 1 == 1;
                    let last_chance = k == 6 && !arrived;
                    if lost && !last_chance {
                        continue;
                    }
                    arrived = true;
                    heard.extend(detector.receive(&packet(1, n as u32 * 1600), &event.to_bytes()));
                }
            }
            prop_assert_eq!(heard, digits);
        }

        #[test]
        fn any_bytes_can_be_heard(packets: Vec<(u32, u32, Vec<u8>)>) {
            let mut detector = Detector::new();
            for (ssrc, timestamp, payload) in packets {
                detector.receive(&packet(ssrc, timestamp), &payload);
            }
        }

        #[test]
        fn what_is_written_can_be_read(code: u8, end: bool, volume in 0..64_u8, duration: u16) {
            let event = Event { code, end, volume, duration };
            prop_assert_eq!(Event::read(&event.to_bytes()), Some(event));
        }
    }
}
