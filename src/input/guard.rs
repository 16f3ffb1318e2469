//! A mapped log that somebody cuts short while it is read.
//!
//! Touching a page that the file no longer has ends a program with SIGBUS. Here the signal is caught: if the address
//! is in a map of ours, the run ends with status 2 and a sentence that names the file; anything else goes to
//! whoever handled the signal before. The handler may use only what is safe in one: it walks a list that is never
//! changed but at its head, writes texts that were made before, and leaves. An unfinished output keeps the name
//! that says so.

#[cfg(not(unix))]
pub use elsewhere::{Guard, watch};
#[cfg(unix)]
pub use unix::{Guard, watch};

#[cfg(unix)]
mod unix {
    use std::ffi::{c_int, c_void};
    use std::ptr;
    use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
    use std::sync::{Arc, Once};

    /// One map. Entries stay for the life of the program, so that the handler may read them at any time.
    struct Entry {
        /// First byte; 0 when the map is gone.
        start: AtomicUsize,
        length: usize,
        name: Arc<str>,
        next: AtomicPtr<Entry>,
    }

    static MAPS: AtomicPtr<Entry> = AtomicPtr::new(ptr::null_mut());
    static INSTALL: Once = Once::new();
    static BEFORE_AT: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());

    /// Knows a map for as long as it lives.
    pub struct Guard(&'static Entry);

    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.start.store(0, Ordering::Release);
        }
    }

    /// What is said, before and behind the name.
    const SAID: [&str; 2] = [
        "waybill: ",
        ": was cut short or could not be read any more while it was being read; what was written so far is not the \
         answer. Copy the logs first, or run again with --mmap never\n",
    ];

    /// Knows the map of the file `name` from now on.
    pub fn watch(name: &Arc<str>, map: &[u8]) -> Guard {
        INSTALL.call_once(install);
        let shown = crate::inert::terminal(name.as_bytes(), 400);
        // There may be very many files, and most names can be shown as they are.
        let name = match *shown == **name {
            true => name.clone(),
            false => shown.into(),
        };
        let entry: &'static Entry = Box::leak(Box::new(Entry {
            start: AtomicUsize::new(map.as_ptr() as usize),
            length: map.len().next_multiple_of(1 << 16),
            name,
            next: AtomicPtr::new(ptr::null_mut()),
        }));
        let put = |head: *mut Entry| {
            entry.next.store(head, Ordering::Release);
            Some(ptr::from_ref(entry).cast_mut())
        };
        let _ = MAPS.fetch_update(Ordering::AcqRel, Ordering::Acquire, put);
        Guard(entry)
    }

    fn install() {
        // SAFETY: sigaction is called with a zeroed struct that is filled as the manual says; the handler does only
        // what signal-safety(7) allows.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_bus_error as extern "C" fn(_, _, _) as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&mut action.sa_mask);
            let mut before: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(libc::SIGBUS, &action, &mut before) == 0 {
                BEFORE_AT.store(Box::into_raw(Box::new(before)), Ordering::Release);
            }
        }
    }

    extern "C" fn on_bus_error(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
        // SAFETY: the kernel hands a valid siginfo; entries live for ever and are changed only by atomics; write,
        // sigaction and _exit are on the list of signal-safety(7).
        unsafe {
            let address = (*info).si_addr() as usize;
            let mut entry = MAPS.load(Ordering::Acquire);
            while let Some(map) = entry.as_ref() {
                let start = map.start.load(Ordering::Acquire);
                if start != 0 && (start..start + map.length).contains(&address) {
                    for said in [SAID[0], &*map.name, SAID[1]] {
                        libc::write(2, said.as_ptr().cast(), said.len());
                    }
                    libc::_exit(2);
                }
                entry = map.next.load(Ordering::Acquire);
            }
            // None of ours: as it was before; the instruction runs again and ends where it would have ended.
            libc::sigaction(
                libc::SIGBUS,
                BEFORE_AT.load(Ordering::Acquire),
                ptr::null_mut(),
            );
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    //! Windows does not let anybody cut a mapped file short.

    pub struct Guard;

    pub fn watch(_: &std::sync::Arc<str>, _: &[u8]) -> Guard {
        Guard
    }
}
