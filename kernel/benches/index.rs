//! Time of indexing one request: `cargo bench -- traces FILE`. Prints ns per item.

use std::time::Instant;

use _kernel::index::Index;
use _kernel::schema::Signal;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    let (Some(signal), Some(file)) = (args.next(), args.next()) else { return };
    let signal = Signal::by_name(&signal).expect("traces, metrics or logs");
    let bytes = std::fs::read(file).expect("a readable file");
    let mut best = f64::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        let mut items = 0;
        for _ in 0..50 {
            items += Index::build(signal, &bytes).expect("a valid request").items().len();
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / items as f64);
    }
    println!("{}: {best:.1} ns per item, {} bytes", signal.name, bytes.len());
}
