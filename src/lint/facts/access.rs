//! Roles and endpoints.

use core::net::IpAddr;

use serde_json::{Value as Json, json};

use super::merged;
use crate::kinds::endpoint::EndpointSpec;
use crate::kinds::role::AccessSpec;
use crate::kinds::{Name, Pipeline};
use crate::lint::plain::path;
use crate::model::Path;

pub fn all(spec: &Pipeline) -> Json {
    let one = |(name, access): (&Name, &AccessSpec)| {
        let at = Path::of(["access", name.as_str()]);
        let grants = access.can.iter().enumerate().map(|(index, grant)| {
            json!({
                "write": grant.write,
                "read": grant.read,
                "via": grant.via,
                "kcl": grant.kcl,
                "kpl": grant.kpl,
                "path": path(&at.key("can").index(index)),
            })
        });
        let facts = json!({
            "path": path(&at),
            "name": name.as_str(),
            "trust": access.trust,
            "description": access.description,
            "can": grants.collect::<Vec<_>>(),
            "own_tags": access.tags,
            "tags": merged(spec, &access.tags),
            "protect": access.protect,
            "on_removal": access.on_removal,
        });
        (name.as_str().to_owned(), facts)
    };
    Json::Object(spec.access.iter().map(one).collect())
}

pub fn endpoints(spec: &Pipeline) -> Json {
    let one = |(name, endpoint): (&Name, &EndpointSpec)| {
        let at = Path::of(["endpoints", name.as_str()]);
        let group = endpoint.security_group.iter().flat_map(|group| group.allow_from.iter().enumerate());
        let networks = group.map(|(index, network)| {
            let at = at.key("securityGroup").key("allowFrom").index(index);
            json!({ "network": network, "size": size(network), "private": is_private(network), "path": path(&at) })
        });
        let facts = json!({
            "path": path(&at),
            "name": name.as_str(),
            "subnets": endpoint.subnets,
            "services": endpoint.services,
            "allow": endpoint.allow,
            "private_dns": endpoint.private_dns,
            "networks": networks.collect::<Vec<_>>(),
            "own_tags": endpoint.tags,
            "tags": merged(spec, &endpoint.tags),
        });
        (name.as_str().to_owned(), facts)
    };
    Json::Object(spec.endpoints.iter().map(one).collect())
}

/// The bits of a network that are free: 16 for `10.0.0.0/16`, 32 for `0.0.0.0/0`.
fn size(network: &str) -> Option<u32> {
    let (address, length) = network.split_once('/')?;
    let width: u32 = if address.contains(':') { 128 } else { 32 };
    length.parse::<u32>().ok().and_then(|length| width.checked_sub(length))
}

/// Whether a network lies within those that are not routed in the internet: RFC 1918, RFC 6598 and RFC 4193.
fn is_private(network: &str) -> bool {
    let Some((address, length)) = network.split_once('/') else { return false };
    let Ok(length) = length.parse::<u32>() else { return false };
    match address.parse() {
        Ok(IpAddr::V4(address)) => {
            let [first, second, ..] = address.octets();
            (first == 10 && length >= 8)
                || (first == 172 && (16..32).contains(&second) && length >= 12)
                || (first == 192 && second == 168 && length >= 16)
                || (first == 100 && (64..128).contains(&second) && length >= 10)
        }
        Ok(IpAddr::V6(address)) => address.segments()[0] & 0xFE00 == 0xFC00 && length >= 7,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_private_or_not() {
        for private in ["10.0.0.0/8", "172.16.0.0/12", "192.168.4.0/24", "100.64.0.0/10", "fd00::/8"] {
            assert!(is_private(private), "{private}");
        }
        for public in ["0.0.0.0/0", "10.0.0.0/7", "172.32.0.0/16", "8.8.8.8/32", "2001:db8::/32", "::/0", "x"] {
            assert!(!is_private(public), "{public}");
        }
        assert_eq!((size("10.0.0.0/16"), size("::/0"), size("x")), (Some(16), Some(128), None));
    }
}
