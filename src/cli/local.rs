use std::path::Path;
use std::sync::Arc;

use super::Failure;
use crate::cloud::Cloud;
use crate::kinds::SCHEMAS;
use crate::local::{Local, Options, Pace};

/// Opens the embedded cloud that is kept in a file, or makes a new one there.
pub fn open(file: &Path, region: &str, pace: Pace) -> Result<Arc<dyn Cloud>, Failure> {
    Ok(Arc::new(open_local(file, region, pace)?))
}

/// The same for those who do more with it than with AWS.
pub fn open_local(file: &Path, region: &str, pace: Pace) -> Result<Local, Failure> {
    let options = Options { region: region.to_owned(), pace, ..Options::default() };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        let what = format!("there is no folder {} to keep the local cloud in", folder.display());
        return Err(Failure::refused(what, "make it, or correct --cloud"));
    }
    if std::fs::metadata(file).is_ok_and(|meta| !meta.is_file()) {
        let what = format!("{} is no file, so no local cloud can be kept in it", file.display());
        return Err(Failure::refused(what, "name a file with --cloud local:FILE"));
    }
    let now = jiff::Timestamp::now().as_second();
    Ok(Local::open(file, SCHEMAS, options, now)?)
}
