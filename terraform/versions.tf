# No provider block: region, credentials and endpoints come from the environment (AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL …)
# when this folder is applied itself, and from the caller's provider when it is a module.
terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80, < 7.0"
    }
  }
}
