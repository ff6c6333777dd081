//! How the system gives us memory.

/// Takes memory in small pages. The allocator asks for huge ones, of which the first byte used takes two mebibytes: that is
/// more than half of all a switch would hold, and no packet is the quicker for it. To be said before much is taken.
pub fn take_small_pages() {
    if let Err(why) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!("more memory will be taken than is needed: the kernel does not leave huge pages ({why})");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kernel_gives_small_pages_from_then_on() {
        super::take_small_pages();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let said = status.lines().find_map(|line| line.strip_prefix("THP_enabled:"));
        assert!(said.is_none_or(|said| said.trim() == "0"), "{said:?}"); // kernels before 5.0 do not say
    }
}
