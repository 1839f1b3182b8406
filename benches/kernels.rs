//! The engine's matrix products by themselves, at shapes that real networks have, in every precision.
//!
//! Needs no model. Operands are seeded random numbers; each product is held against the naive loop
//! before it is timed, and the bench ends where one is wrong. The kernel is the one that the engine
//! itself would choose for the shape on this machine; its name is part of the line.

use anyhow::ensure;
use criterion::{Criterion, Throughput};
use paring::engine::{MatrixProduct, ProductPrecision};
use std::time::Duration;

/// musl's own makes small models 2 to 3 times slower.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Output channels, what is summed over, and positions; a fully connected layer has one position.
const SHAPES: [(&str, (usize, usize, usize)); 8] = [
    ("keywords, 1x1 64 to 64 at 25x5", (64, 64, 125)),
    ("visual wake words, 1x1 128 to 128 at 12x12", (128, 128, 144)),
    ("ResNet-8, 3x3 16 to 16 at 32x32", (16, 144, 1024)),
    ("ResNet-50, 3x3 64 to 64 at 56x56", (64, 576, 3136)),
    ("ResNet-50, 1x1 1024 to 256 at 14x14", (256, 1024, 196)),
    ("transformer, projection of 128 tokens", (768, 768, 128)),
    ("ResNet-50, classifier", (1000, 2048, 1)),
    ("decoder, 4096 to 4096 for one token", (4096, 4096, 1)),
];

/// What a product may differ from the naive loop by, relative to the magnitudes that are summed.
fn tolerance(precision: ProductPrecision) -> f64 {
    match precision {
        ProductPrecision::F32 | ProductPrecision::Int4 => 1e-5,
        ProductPrecision::Int8 => 0.0,
        // Sums in 16 bits.
        ProductPrecision::F16 => 2e-2,
    }
}

fn main() -> anyhow::Result<()> {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(20)
        .configure_from_args();
    for (name, size) in SHAPES {
        let mut group = criterion.benchmark_group(name);
        for precision in [
            ProductPrecision::F32,
            ProductPrecision::F16,
            ProductPrecision::Int8,
            ProductPrecision::Int4,
        ] {
            let mut product = match MatrixProduct::new(precision, size, 7) {
                Ok(product) => product,
                Err(why) => {
                    println!("{name}: {precision} left out: {why}");
                    continue;
                }
            };
            if product.emulated() {
                println!("{name}: {precision} left out: this machine has no arithmetic for it");
                continue;
            }
            let worst = product.worst_error()?;
            ensure!(worst <= tolerance(precision), "{product:?} is wrong by {worst}");
            group.throughput(Throughput::Elements(product.macs()));
            let id = format!("{precision} {}", product.kernel());
            group.bench_function(id, |bencher| bencher.iter(|| product.run()));
        }
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}
