//! What of the conf the SIP endpoint needs.

use sip::{Account, SipConf};

use crate::conf::Conf;

pub(super) fn sip_conf(conf: &Conf) -> SipConf {
    let account = |(name, ha1): (&String, &sip::digest::Ha1)| {
        let algorithms = conf.people.get(name.as_str()).map(|person| person.algorithms.to_vec()).unwrap_or_default();
        (name.clone(), Account { ha1: *ha1, algorithms })
    };
    SipConf {
        realm: conf.switch.realm.clone(),
        accounts: conf.ha1.iter().map(account).collect(),
        trunks: Vec::new(), // the switch says where they are once it knows
        proxies: conf.switch.proxies.clone(),
        algorithms: conf.switch.algorithms.clone(),
        expires_secs_min: *conf.switch.expires_secs.start(),
        expires_secs_max: *conf.switch.expires_secs.end(),
        expires_spread_percent: conf.switch.expires_spread_percent,
        flow_timer_secs: conf.switch.flow_timer_secs,
        service_route: conf.switch.service_route.clone(),
        domains: conf.switch.domains.clone(),
        bindings_max: conf.switch.phones_max,
        watch_secs_min: *conf.switch.watch.expires_secs.start(),
        watch_secs_max: *conf.switch.watch.expires_secs.end(),
        watches_per_account: conf.switch.watch.per_person_max,
        watches_max: conf.switch.watch.all_max,
        bans: conf.switch.bans.clone(),
        floods: conf.switch.floods.clone(),
        ..SipConf::default()
    }
}
