"""HubSpot: auth, client, requests, extract, describe."""
