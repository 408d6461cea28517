"""Components that ship with the product, as data: one TOML file each."""
