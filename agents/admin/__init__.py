"""The operators' console: two admin sites, a tenant's own and the platform's."""
