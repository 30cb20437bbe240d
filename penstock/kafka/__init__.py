"""What components that speak to Kafka share: settings, connections, partitions, encodings."""
