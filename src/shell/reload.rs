//! Reading the conf again while the switch runs: whole or not at all.
//!
//! Where it stands: SIGHUP and `centrala reload` end here. Files are read beside the control thread, which goes on; it
//! gets a conf that is checked, or nothing.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::memory::give_memory_back;
use super::random;
use super::tls::{Carriers, Certificate};
use crate::conf::{Conf, Overrides, Problem, Problems, SwitchConf};

/// What a running switch began with, and where it read it.
#[derive(Clone)]
pub(super) struct Standing {
    pub(super) folder: PathBuf,
    pub(super) overrides: Overrides,
    pub(super) switch: SwitchConf,
    certificate: Option<Arc<Certificate>>,
}

/// A conf that may be applied.
pub(super) struct Loaded {
    pub(super) conf: Box<Conf>,
    /// Its trunks that are reached by connections.
    pub(super) carriers: Carriers,
    /// Made for people without one, to be shown this once.
    pub(super) passwords: Vec<(String, String)>,
    /// What takes a restart.
    pub(super) restart: Vec<&'static str>,
}

impl Standing {
    pub(super) fn of(conf: &Conf, certificate: Option<Arc<Certificate>>) -> Standing {
        let (folder, overrides, switch) = (conf.folder.clone(), conf.overrides.clone(), conf.switch.clone());
        Standing { folder, overrides, switch, certificate }
    }

    /// Reads and checks the folder anew. The error has a line for each problem.
    pub(super) fn load(&self) -> Result<Loaded, Vec<String>> {
        let mut conf = Conf::load(&self.folder)
            .map_err(|Problems(problems)| problems.iter().map(Problem::to_string).collect::<Vec<_>>())?;
        if conf.switch.realm != self.switch.realm {
            let what = format!(
                "realm is {:?} now and every password was made for {:?}; restart to change it",
                conf.switch.realm, self.switch.realm
            );
            return Err(vec![Problem::of_file(&self.folder.join("switch.toml"), what).to_string()]);
        }
        conf.override_by(self.overrides.clone());
        let carriers = Carriers::new(&conf, self.certificate.as_ref()).map_err(|why| vec![why.to_string()])?;
        let made = random().and_then(|mut random| conf.make_passwords(&mut random));
        let passwords = made.map_err(|why| vec![format!("{}/secrets.toml: {why}", self.folder.display())])?;
        let restart = self.switch.needs_restart(&conf.switch);
        give_memory_back();
        Ok(Loaded { conf: Box::new(conf), carriers, passwords, restart })
    }
}

impl Loaded {
    /// What is told to who asked.
    pub(super) fn report(&self) -> Value {
        let conf = &self.conf;
        json!({
            "people": conf.people.len(),
            "trunks": conf.trunks.len(),
            "routes": conf.routes.routes.len(),
            "menus": conf.flow.menus.len(),
            "restart": self.restart,
            "passwords": self.passwords,
        })
    }
}
