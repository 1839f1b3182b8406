//! Files: replaced as a whole, appended to, and opened only below a folder.

mod confined;
mod replace;
mod temporary;

pub use confined::ConfinedPath;
pub use replace::{append_lines, replace_file};
