# Where the state is: `terraform init -backend-config=bucket=… -backend-config=prefix=…`. It is locked by the backend.
terraform {
  backend "gcs" {}
}
