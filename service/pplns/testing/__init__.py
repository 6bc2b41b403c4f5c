"""What tests of pipelines use; the pytest plugin works by itself once pplns is installed."""
