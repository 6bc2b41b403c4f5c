# The alerts and metrics by themselves, with as many names as there may be, each as long as it may be.

mock_provider "google" {}

variables {
  project      = "acme-data"
  environment  = "prod"
  services     = [for number in range(300) : format("pplns-%043d", number)]
  jobs         = [for number in range(401) : format("pplns-%043d_%040d", number, number)]
  dead_letters = [for number in range(300) : format("pplns-%043d.dead-letters", number)]
  compared     = 300
}

run "filters_stay_within_what_google_takes" {
  command = plan
  module {
    source = "./modules/observability"
  }

  assert {
    condition     = length(google_monitoring_alert_policy.scheduler) == 3
    error_message = "An alert on log entries has one condition: more jobs are more alerts."
  }

  assert {
    condition = alltrue([
      for one in google_monitoring_alert_policy.scheduler :
      length(one.conditions) == 1 && length(one.conditions[0].condition_matched_log[0].filter) <= 20000
    ])
    error_message = "A filter of Cloud Logging takes 20,000 characters."
  }

  assert {
    condition     = length(google_logging_metric.runs[0].filter) <= 20000
    error_message = "So does that of a metric."
  }

  assert {
    condition = alltrue([
      for one in google_monitoring_alert_policy.dead_letters :
      length(one.conditions[0].condition_threshold[0].filter) <= 2048
    ])
    error_message = "A filter of Cloud Monitoring takes 2,048 characters."
  }
}
