//! `centrala recordings mask`, `unmask`, `pause`, `resume`, `start` and `stop`: while the call is under way.

use centrala::shell::{RecordingOrder, Request};
use clap::Args;
use serde_json::json;

use crate::Failure;
use crate::remote::Switch;

#[derive(Args)]
pub struct LiveArgs {
    #[command(flatten)]
    switch: Switch,
    /// The call's id, as `centrala calls` tells it
    #[arg(long, value_name = "ID")]
    call: String,
    /// Who wants it; it stays in the sidecar and the call's record
    #[arg(long, env = "USER")]
    by: String,
    /// What was done, as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct SilenceArgs {
    #[command(flatten)]
    live: LiveArgs,
    /// It ends by itself after so long; a mask after mask_secs_max of switch.toml, if this is not said
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    secs: Option<u32>,
}

impl LiveArgs {
    pub fn run(self, order: RecordingOrder) -> Result<(), Failure> {
        self.give(order, None)
    }

    fn give(self, order: RecordingOrder, limit_secs: Option<u32>) -> Result<(), Failure> {
        let LiveArgs { switch, call, by, json } = self;
        switch.ask(&Request::Recording { call: call.clone(), order, by, limit_secs }, |_| true)?;
        let done = match order {
            RecordingOrder::Start => "is recorded",
            RecordingOrder::Stop => "is recorded no longer",
            RecordingOrder::Mask => "is masked: neither sound nor keys are kept",
            RecordingOrder::Unmask => "is masked no longer",
            RecordingOrder::Pause => "is paused: no sound is kept",
            RecordingOrder::Resume => "is paused no longer",
        };
        match json {
            true => println!("{}", json!({ "call": call, "order": order })),
            false => println!("{call} {done}"),
        }
        Ok(())
    }
}

impl SilenceArgs {
    pub fn run(self, order: RecordingOrder) -> Result<(), Failure> {
        self.live.give(order, self.secs)
    }
}
