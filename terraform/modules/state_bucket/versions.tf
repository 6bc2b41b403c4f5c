terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.45, < 8" # before 7.45 limits and instance counts differ from what was applied, forever
    }
  }
}
