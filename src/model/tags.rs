//! The tags by which a pipeline knows its own resources. There is no state file: these are the state.

/// The pipeline that owns the resource.
pub const PIPELINE: &str = "tidegate:pipeline";
/// The resource's address in that pipeline.
pub const RESOURCE: &str = "tidegate:resource";
/// `true`: never delete, even after the block has left the spec.
pub const PROTECT: &str = "tidegate:protect";
/// `retain` or `delete`: what to do once the block has left the spec.
pub const ON_REMOVAL: &str = "tidegate:on-removal";
/// Names of the tags that the spec declared, divided by spaces, so that a tag dropped from the spec is removed
/// while a tag that somebody else added is left alone.
pub const MANAGED: &str = "tidegate:managed-tags";
/// When the limited calls of the rolling 24 hours were made (see `kinds::stream`).
pub const LEDGER: &str = "tidegate:ledger";
/// Set when the resource existed before the pipeline took it over.
pub const ADOPTED: &str = "tidegate:adopted";
/// Kinds of parts that hang on this resource and cannot be searched by tags of their own, divided by spaces.
pub const PARTS: &str = "tidegate:parts";
/// The count that a person wants for a while: `16 until 2026-11-25T16:00:00Z`.
pub const PIN: &str = "tidegate:pin";
/// A person wants the controller to leave the stream alone: `until 2026-11-25T16:00:00Z` or `until resumed`.
pub const PAUSED: &str = "tidegate:paused";

/// AWS refuses to write tags that begin with `aws:`.
pub fn is_ours_to_write(key: &str) -> bool {
    !key.to_ascii_lowercase().starts_with("aws:")
}
