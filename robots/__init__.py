"""How each portal is operated: one folder a portal, four files a folder, no robot knowing another."""
