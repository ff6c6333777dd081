//! Numbers as a carrier writes them, and as the house does: E.164 with a plus.
//!
//! Where it stands: what comes from a trunk is read here before routes see it, and what goes out through one is written
//! here. Pure functions; a trunk without a plan leaves numbers as they are.

/// How a trunk's carrier writes numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberPlan {
    /// The country's code, such as `385`; numbers without one are of this country.
    pub country: String,
    /// What is dialled before a number of the same country, such as `0`; empty where there is none.
    pub national: String,
    /// What is dialled before a number of another country, such as `00`.
    pub international: String,
    /// A number of at most so many digits is a service's, or one of ours, and stays as it is.
    pub short_max: usize,
    /// How called and calling numbers are sent.
    pub send: Form,
    /// How called and calling numbers that come are shown to routes and people.
    pub receive: Form,
}

/// A way to write a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `+38515550100`
    E164,
    /// `38515550100`
    Plain,
    /// `015550100`, and `0043…` for other countries.
    National,
    /// `0038515550100`
    International,
    /// As it was.
    AsIs,
}

/// What is done to a number's letters last of all when it is sent, or first of all when it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touch {
    /// Take so many letters off the front,
    pub strip: usize,
    /// then put these there.
    pub prepend: String,
}

impl std::str::FromStr for Form {
    type Err = String;
    fn from_str(text: &str) -> Result<Form, String> {
        match text {
            "e164" => Ok(Form::E164),
            "plain" => Ok(Form::Plain),
            "national" => Ok(Form::National),
            "international" => Ok(Form::International),
            "as-is" => Ok(Form::AsIs),
            other => Err(format!(
                "{other:?} is no form of numbers; write \"e164\" (+385…), \"plain\" (385…), \"international\" (00385…), \
                 \"national\" (0…) or \"as-is\""
            )),
        }
    }
}

impl NumberPlan {
    /// The number with its country and a plus, if it is one: short ones, names and anything with letters are not.
    pub fn to_e164(&self, number: &str) -> Option<String> {
        let bare: String = number.chars().filter(|letter| !matches!(letter, '-' | '.' | '(' | ')' | ' ')).collect();
        let (plus, digits) = bare.strip_prefix('+').map_or((false, &*bare), |digits| (true, digits));
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        if plus {
            return Some(bare);
        }
        if digits.len() <= self.short_max {
            return None;
        }
        let after = |prefix: &str| digits.strip_prefix(prefix).filter(|rest| !prefix.is_empty() && !rest.is_empty());
        if let Some(rest) = after(&self.international) {
            return Some(format!("+{rest}"));
        }
        match after(&self.national) {
            Some(rest) => Some(format!("+{}{rest}", self.country)),
            None if self.national.is_empty() => Some(format!("+{}{digits}", self.country)),
            None => Some(format!("+{digits}")), // with neither prefix it can only be whole
        }
    }

    /// The number in that form; one that has no E.164 form stays as it is.
    pub fn write(&self, number: &str, form: Form) -> String {
        let Some(e164) = self.to_e164(number).filter(|_| form != Form::AsIs) else { return number.to_owned() };
        let digits = &e164[1..];
        let home = digits.strip_prefix(&*self.country).filter(|_| !self.country.is_empty());
        match (form, home) {
            (Form::E164 | Form::AsIs, _) => e164,
            (Form::Plain, _) => digits.to_owned(),
            (Form::National, Some(rest)) => format!("{}{rest}", self.national),
            (Form::National | Form::International, _) => format!("{}{digits}", self.international),
        }
    }
}

impl Touch {
    /// The number after it.
    pub fn apply(&self, number: &str) -> String {
        let kept: String = number.chars().skip(self.strip).collect();
        format!("{}{kept}", self.prepend)
    }
}

/// The number in a URI: the user part of a `sip:` without its parameters (`;npdi`, `;rn=`), or a `tel:` with the
/// phone-context it is to be read in (RFC 3966 §5.1.5).
pub fn of_uri(uri: &str) -> Option<String> {
    let uri: sip::Uri = uri.parse().ok()?;
    let user = uri.user.as_deref().filter(|_| uri.is_sip() || uri.scheme == sip::Scheme::Tel)?;
    let (number, params) = user.split_once(';').map_or((user, ""), |(number, params)| (number, params));
    let in_user = params.split(';').find_map(|param| param.strip_prefix("phone-context="));
    let context = uri.params.get("phone-context").or(in_user).filter(|context| context.starts_with('+'));
    let number = match context {
        Some(context) if !number.starts_with('+') => format!("{context}{number}"),
        _ => number.to_owned(),
    };
    Some(number).filter(|number| !number.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(country: &str, national: &str, international: &str) -> NumberPlan {
        let [country, national, international] = [country, national, international].map(str::to_owned);
        NumberPlan { country, national, international, short_max: 6, send: Form::E164, receive: Form::E164 }
    }

    #[test]
    fn every_spelling_of_a_number_is_the_same_number() {
        let croatia = plan("385", "0", "00");
        let denmark = plan("45", "", "00");
        let america = plan("1", "1", "011");
        for (plan, number, e164) in [
            (&croatia, "015550100", Some("+38515550100")),
            (&croatia, "01/555", None), // no number at all
            (&croatia, "+385 1 555-01.00", Some("+38515550100")),
            (&croatia, "0038515550100", Some("+38515550100")),
            (&croatia, "38515550100", Some("+38515550100")),
            (&croatia, "004312345678", Some("+4312345678")),
            (&croatia, "112", None),
            (&croatia, "098123", None),
            (&croatia, "0000000", Some("+00000")), // nonsense stays nonsense
            (&croatia, "anonymous", None),
            (&croatia, "*31#", None),
            (&croatia, "", None),
            (&croatia, "+", None),
            (&denmark, "32123456", Some("+4532123456")),
            (&denmark, "00385155501", Some("+385155501")),
            (&america, "12125550100", Some("+12125550100")),
            (&america, "01138515550100", Some("+38515550100")),
        ] {
            assert_eq!(plan.to_e164(number).as_deref(), e164, "{number}");
        }
    }

    #[test]
    fn a_number_is_written_as_the_carrier_wants_it() {
        let croatia = plan("385", "0", "00");
        for (number, form, written) in [
            ("015550100", Form::E164, "+38515550100"),
            ("015550100", Form::Plain, "38515550100"),
            ("+38515550100", Form::National, "015550100"),
            ("+4312345678", Form::National, "004312345678"),
            ("015550100", Form::International, "0038515550100"),
            ("015550100", Form::AsIs, "015550100"),
            ("112", Form::E164, "112"),
            ("anonymous", Form::Plain, "anonymous"),
        ] {
            assert_eq!(croatia.write(number, form), written, "{number} {form:?}");
        }
    }

    #[test]
    fn letters_are_taken_off_and_put_before() {
        for (strip, prepend, number, touched) in [
            (0, "", "123", "123"),
            (1, "", "9123", "123"),
            (2, "7#", "00123", "7#123"),
            (9, "x", "12", "x"),
            (0, "+", "", "+"),
        ] {
            assert_eq!(Touch { strip, prepend: prepend.to_owned() }.apply(number), touched);
        }
    }

    #[test]
    fn a_uri_has_its_number_where_its_kind_has_it() {
        for (uri, number) in [
            ("sip:+38515550100@carrier.example;user=phone", Some("+38515550100")),
            ("sip:+15550100;npdi;rn=+15550000@carrier.example", Some("+15550100")),
            ("tel:+385-1-555-0100", Some("+385-1-555-0100")),
            ("tel:5550100;phone-context=+3851", Some("+38515550100")),
            ("sip:5550100;phone-context=+3851@carrier.example;user=phone", Some("+38515550100")),
            ("tel:5550100;phone-context=carrier.example", Some("5550100")),
            ("sip:carrier.example", None),
            ("mailto:a@b", None),
            ("rubbish", None),
        ] {
            assert_eq!(of_uri(uri).as_deref(), number, "{uri}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back_as_the_same_number(digits in "[1-9]{10,13}") {
            for plan in [plan("385", "0", "00"), plan("45", "", "00")] {
                let number = format!("+{digits}");
                for form in [Form::E164, Form::National, Form::International] {
                    prop_assert_eq!(plan.to_e164(&plan.write(&number, form)), Some(number.clone()));
                }
            }
        }

        #[test]
        fn nothing_written_as_a_number_makes_it_fall_over(text in "\\PC{0,40}", strip in 0_usize..50) {
            let plan = plan("385", "0", "00");
            for form in [Form::E164, Form::Plain, Form::National, Form::International, Form::AsIs] {
                plan.write(&text, form);
            }
            Touch { strip, prepend: "é".into() }.apply(&text);
            of_uri(&text);
        }
    }
}
