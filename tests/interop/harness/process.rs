//! A program beside the test: what it says goes to a file, it never outlives the test, and a failing test shows it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A started program.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with both its outputs in `log`. `package` is what to install where the program is missing.
    pub fn start(name: &str, package: &str, mut command: Command, log: &Path) -> Process {
        command.stdin(Stdio::null());
        Process::spawn(name, package, command, log)
    }

    /// The same with a pipe to its standard input.
    pub fn listening(name: &str, package: &str, mut command: Command, log: &Path) -> (Process, ChildStdin) {
        command.stdin(Stdio::piped());
        let mut process = Process::spawn(name, package, command, log);
        let input = process.child.stdin.take().expect("a pipe, as asked for");
        (process, input)
    }

    fn spawn(name: &str, package: &str, mut command: Command, log: &Path) -> Process {
        let output = File::create(log).unwrap_or_else(|why| panic!("cannot write {}: {why}", log.display()));
        let errors = output.try_clone().expect("a second handle of an open file");
        let child = command.stdout(output).stderr(errors).spawn();
        let child = child.unwrap_or_else(|why| match why.kind() {
            ErrorKind::NotFound => panic!("{name} is not installed; it comes with {package} (./dev test installs it)"),
            _ => panic!("{name} does not start: {why}"),
        });
        Process { name: name.to_owned(), child, log: log.to_owned() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// How much memory it has, resident.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("Linux tells of processes");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it said so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("asking after our own child")
    }

    /// Waits for its end; the test fails when it takes longer than `limit`.
    pub fn end_within(&mut self, limit: Duration) -> ExitStatus {
        self.look_for_end(limit).unwrap_or_else(|| panic!("{} still runs after {limit:?}", self.name))
    }

    /// SIGTERM: asks it to stop.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGHUP: asks it to read its conf again.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// SIGKILL: the power cut.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().expect("a killed child ends");
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.id() as i32).expect("a child has a process id");
        let _ = kill_process(pid, signal); // it may have gone by itself
    }

    fn look_for_end(&mut self, limit: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + limit;
        while self.ended().is_none() && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
        self.ended()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.terminate();
            if self.look_for_end(Duration::from_secs(2)).is_none() {
                self.kill();
            }
        }
        if thread::panicking() {
            eprintln!("---- {} said ----\n{}\n---- end of {} ----", self.name, self.said().trim_end(), self.name);
        }
    }
}
