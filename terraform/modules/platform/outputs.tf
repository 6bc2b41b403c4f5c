output "emails" {
  description = "E-mail addresses of the accounts, by purpose: schedule, push, invoke."
  value       = { for purpose, id in var.accounts : purpose => "${id}@${var.project}.iam.gserviceaccount.com" }
  depends_on  = [google_service_account.this]
}

output "members" {
  description = "The same accounts as members of policies."
  value = {
    for purpose, id in var.accounts : purpose => "serviceAccount:${id}@${var.project}.iam.gserviceaccount.com"
  }
  depends_on = [google_service_account.this]
}
