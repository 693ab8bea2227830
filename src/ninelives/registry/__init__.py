"""An OCI registry: what stands behind ECR."""
