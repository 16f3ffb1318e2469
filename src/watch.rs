//! Where the time went: stages with the wall time and the processor time they took.
//!
//! In: the ends of stages. Out: [`Lap`]s. How they are shown is `--time`'s business.

use std::time::{Duration, Instant};

/// What a stage took, all its turns together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lap {
    pub wall: Duration,
    /// Of all threads; `None` where the system does not tell.
    pub cpu: Option<Duration>,
}

impl Lap {
    /// Adds another turn.
    pub fn add(&mut self, other: Lap) {
        self.wall += other.wall;
        self.cpu = self
            .cpu
            .or(Some(Duration::ZERO))
            .zip(other.cpu)
            .map(|(a, b)| a + b);
    }

    /// How many processors were at work, on the average.
    pub fn busy(&self) -> Option<f64> {
        let cpu = self.cpu?.as_secs_f64();
        Some(cpu / self.wall.as_secs_f64().max(1e-9))
    }
}

/// A running stage.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    since: Instant,
    cpu: Option<Duration>,
}

impl Watch {
    /// Starts the first stage.
    pub fn start() -> Watch {
        Watch {
            since: Instant::now(),
            cpu: cpu_time(),
        }
    }

    /// Ends a stage and starts the next one.
    pub fn lap(&mut self) -> Lap {
        let before = std::mem::replace(self, Watch::start());
        Lap {
            wall: self.since - before.since,
            cpu: self
                .cpu
                .zip(before.cpu)
                .map(|(now, then)| now.saturating_sub(then)),
        }
    }
}

/// Processor time of this process so far, of all its threads.
#[cfg(target_os = "linux")]
fn cpu_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

#[cfg(not(target_os = "linux"))]
fn cpu_time() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_stage_takes_processor_time_and_a_sleeping_one_none() {
        let mut watch = Watch::start();
        let begun = Instant::now();
        let mut sum = 0u64;
        while begun.elapsed() < Duration::from_millis(20) {
            sum = std::hint::black_box(sum + 1);
        }
        let mut busy = watch.lap();
        std::thread::sleep(Duration::from_millis(20));
        let idle = watch.lap();
        assert!(busy.wall >= Duration::from_millis(20) && idle.wall >= Duration::from_millis(20));
        if cfg!(target_os = "linux") {
            assert!(busy.cpu > Some(Duration::from_micros(100)));
            let before = busy.cpu;
            busy.add(idle);
            assert!(busy.cpu >= before && busy.wall >= Duration::from_millis(40));
        }
    }
}
