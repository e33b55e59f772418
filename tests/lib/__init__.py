"""What the integration and chaos tests are built from: servers, the proxy, a raw client, a fault-injecting relay."""
