//! How the system gives us memory, and gets it back.

/// Takes memory in small pages. The allocator asks for huge ones, of which the first byte used takes two mebibytes: that is
/// more than half of all a switch would hold, and no packet is the quicker for it. To be said before much is taken.
pub fn take_small_pages() {
    if let Err(why) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!("more memory will be taken than is needed: the kernel does not leave huge pages ({why})");
    }
}

/// Gives back what this thread has freed. Reading a conf of 100,000 people leaves more behind than they take, and the allocator
/// would keep it until something else were freed.
pub fn give_memory_back() {
    // SAFETY: it takes no pointer, and frees only what nobody has.
    unsafe { libmimalloc_sys::mi_collect(true) }
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
