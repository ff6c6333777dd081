//! Supervisor functions are rows of one table: who hears whom. `cargo run --example supervisor`

use base::LegId;
use call::{Member, Role, wires};

fn main() {
    let [caller, agent, boss] = [LegId(1), LegId(2), LegId(3)];
    let name = |leg| match leg {
        LegId(1) => "caller",
        LegId(2) => "agent",
        _ => "supervisor",
    };
    for (function, role) in [
        ("listen", Role::Listen),
        ("whisper", Role::Whisper { to: agent }),
        ("barge in", Role::Talk),
        ("on hold", Role::Hold),
    ] {
        let members = [
            Member { leg: caller, role: Role::Talk },
            Member { leg: agent, role: Role::Talk },
            Member { leg: boss, role },
        ];
        println!("{function}:");
        for wire in wires(&members) {
            println!("  {:<10} hears {}", name(wire.to), name(wire.from));
        }
    }
}
