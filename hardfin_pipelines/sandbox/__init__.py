"""Local servers that behave as the vendors do, limits, errors and oddities included. Nothing else imports them."""
