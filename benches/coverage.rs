//! How often nominal 95 % intervals cover the figure that they are of: draws from populations of
//! 50,000 samples whose figures are known, as a table in Markdown.
//!
//! Usage: cargo bench --bench coverage -- [DRAWS [RESAMPLES]]; 400 and 1,000 by default.

#[path = "../tests/common/populations.rs"]
mod populations;

use populations::{Coverage, Size, populations};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let draws: u64 = arguments.first().map_or(Ok(400), |text| text.parse())?;
    let resamples: usize = arguments.get(1).map_or(Ok(1_000), |text| text.parse())?;
    let samples = [100, 400, 2_000].map(Size::Samples);
    let groups = [8, 20, 60].map(Size::Groups);
    let heading = |unit: &str, sizes: [usize; 3]| {
        let columns = sizes.map(|size| format!("{size} {unit}")).join(" | ");
        println!("| figure | {columns} |\n| --- | --- | --- | --- |");
    };
    heading("samples", [100, 400, 2_000]);
    for population in populations() {
        let grouped = population.name == "groups";
        if grouped {
            println!();
            heading("groups", [8, 20, 60]);
        }
        let sizes = if grouped { &groups } else { &samples };
        population.coverage(sizes, draws, resamples).iter().for_each(print);
    }
    Ok(())
}

fn print(row: &Coverage) {
    let cell = |(_, share, width): &(Size, f64, f64)| format!("{share:.3} ({width:.2e})");
    let cells: Vec<String> = row.by_size.iter().map(cell).collect();
    println!("| {} | {} |", row.figure, cells.join(" | "));
}
