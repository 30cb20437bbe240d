"""What components that ask a Kubernetes cluster share."""
