//! Asking for keys: the question, what is typed, and what a caller is told who was not understood.
//!
//! Where it stands: menus and collecting steps decide what the keys mean; how they come in is the same for both.

use call::Call;

use crate::QuestionConf;

/// One caller being asked.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    typed: String,
    misses: u32,
    now: Now,
}

/// What the caller hears just now.
#[derive(Debug, Default, PartialEq, Eq)]
enum Now {
    /// The question, or nothing any more: keys count.
    #[default]
    Asked,
    /// A question that is to be heard to its end: keys are dropped.
    Deaf,
    /// That he was not understood; the question follows. Keys count already.
    Answering,
}

impl Asking {
    /// Asks, or asks again.
    pub(crate) fn ask(&mut self, question: &QuestionConf, call: &mut Call) {
        self.typed.clear();
        let sound = question.prompt.to(call);
        if question.barge_in {
            self.now = Now::Asked;
            call.ask(&sound, question.patience);
        } else {
            self.now = Now::Deaf;
            call.play(&sound, false);
        }
    }

    /// A question that was to be heard to its end has been.
    pub(crate) fn played(&mut self, question: &QuestionConf, call: &mut Call) {
        self.now = Now::Asked;
        call.listen(question.patience);
    }

    /// A key was pressed. False: it does not count.
    pub(crate) fn takes(&mut self, key: char, call: &mut Call) -> bool {
        match self.now {
            Now::Deaf => return false,
            Now::Answering => call.stop(),
            Now::Asked => {}
        }
        self.now = Now::Asked;
        self.typed.push(key);
        true
    }

    /// The keys so far.
    pub(crate) fn typed(&self) -> &str {
        &self.typed
    }

    /// Takes back the last key.
    pub(crate) fn take_back(&mut self) {
        self.typed.pop();
    }

    /// Is the caller being told that he was not understood?
    pub(crate) fn is_answering(&self) -> bool {
        self.now == Now::Answering
    }

    /// What was typed is no answer: says so and asks again. True: all tries are used up.
    pub(crate) fn missed(&mut self, question: &QuestionConf, call: &mut Call) -> bool {
        self.misses += 1;
        if self.misses >= question.tries {
            return true;
        }
        let answer = if self.typed.is_empty() { &question.silent } else { &question.wrong };
        match answer {
            None => self.ask(question, call),
            Some(answer) => {
                self.typed.clear();
                self.now = Now::Answering;
                call.ask(&answer.to(call), std::time::Duration::ZERO);
            }
        }
        false
    }
}
