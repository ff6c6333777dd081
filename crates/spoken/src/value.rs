//! Values as they stand in a field: read leniently, since they come from callers' keys and other people's programs.

use crate::grammar::{Date, LIMIT};

/// A number with its decimals.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(crate) negative: bool,
    pub(crate) whole: u64,
    /// What stood after the point, digit by digit.
    pub(crate) decimals: Vec<u8>,
}

impl Decimal {
    pub(crate) fn read(text: &str) -> Option<Decimal> {
        let text = text.trim();
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, decimals) = text.split_once(['.', ',']).unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|letter| letter.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(decimals) || decimals.len() > DECIMALS_MAX {
            return None;
        }
        let whole: u64 = whole.parse().ok().filter(|whole| *whole < LIMIT)?;
        Some(Decimal { negative, whole, decimals: decimals.bytes().map(|digit| digit - b'0').collect() })
    }

    /// Hundredths, rounded down.
    pub(crate) fn cents(&self) -> u64 {
        let digit = |at: usize| u64::from(self.decimals.get(at).copied().unwrap_or(0));
        digit(0) * 10 + digit(1)
    }
}

const DECIMALS_MAX: usize = 12;

/// `2026-12-24`, also before a `T` or a space.
pub(crate) fn date(text: &str) -> Option<Date> {
    let text = text.trim().split(['T', ' ']).next()?;
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let date = Date { year: year.parse().ok()?, month: month.parse().ok()?, day: day.parse().ok()? };
    let leap = date.year.is_multiple_of(4) && (!date.year.is_multiple_of(100) || date.year.is_multiple_of(400));
    let days = match date.month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let is_one = parts.next().is_none() && (1000..3000).contains(&date.year) && (1..=days).contains(&date.day);
    is_one.then_some(date)
}

/// `14:30`, also after a date and with seconds.
pub(crate) fn time(text: &str) -> Option<(u8, u8)> {
    let text = text.trim();
    let text = text.split_once(['T', ' ']).map_or(text, |(_, time)| time);
    let mut parts = text.splitn(3, ':');
    let (hour, minute): (u8, u8) = (parts.next()?.parse().ok()?, parts.next()?.get(..2)?.parse().ok()?);
    (hour < 24 && minute < 60).then_some((hour, minute))
}
