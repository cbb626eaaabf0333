"""Where HubSpot's API families live: a constant each, since they are retired one by one.

HubSpot docs: versioning. A dated version is served for 18 months; v4 paths end in March 2027, v1 to v3 in September.
"""

OBJECTS = "/crm/objects/2026-03"
ASSOCIATIONS = "/crm/associations/2026-03"
PROPERTIES = "/crm/properties/2026-03"
PIPELINES = "/crm/pipelines/2026-03"
FILES = "/files/2026-03/files"
"""The 2026-09 specification of files has folders, import and search only."""
OWNERS = "/crm/owners/2026-03"
ACCOUNT_INFO = "/account-info/2026-03"
OAUTH = "/oauth/2026-03"
AUTHORIZE = "/oauth/authorize"
"""Under the address of HubSpot's application, not of its API."""
