"""`zaitu bench api`: thousands of customers' live streams, and the tracking endpoint beside a bare one."""
