locals {
  dashboard = {
    displayName = "pplns ${var.environment}"
    mosaicLayout = {
      columns = 48
      tiles = [
        for at, tile in [
          {
            title  = "Runs that ended, by pipeline and state"
            filter = "metric.type=\"logging.googleapis.com/user/pplns_${var.environment}_runs\" resource.type=\"cloud_run_revision\""
            align  = "ALIGN_DELTA"
            reduce = "REDUCE_SUM"
            group  = ["metric.label.\"pipeline\"", "metric.label.\"state\""]
            plot   = "STACKED_BAR"
          },
          {
            title  = "Seconds of an attempt, 95th percentile"
            filter = "metric.type=\"logging.googleapis.com/user/pplns_${var.environment}_attempt_seconds\" resource.type=\"cloud_run_revision\""
            align  = "ALIGN_PERCENTILE_95"
            reduce = "REDUCE_MAX"
            group  = ["metric.label.\"pipeline\""]
            plot   = "LINE"
          },
          {
            title  = "Messages that wait, by subscription"
            filter = "metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" resource.type=\"pubsub_subscription\""
            align  = "ALIGN_MAX"
            reduce = "REDUCE_SUM"
            group  = ["resource.label.\"subscription_id\""]
            plot   = "LINE"
          },
          {
            title  = "Instances, by service"
            filter = "metric.type=\"run.googleapis.com/container/instance_count\" resource.type=\"cloud_run_revision\""
            align  = "ALIGN_MAX"
            reduce = "REDUCE_SUM"
            group  = ["resource.label.\"service_name\""]
            plot   = "LINE"
          },
          ] : {
          xPos   = at % 2 * 24
          yPos   = floor(at / 2) * 16
          width  = 24
          height = 16
          widget = {
            title = tile.title
            xyChart = {
              dataSets = [{
                plotType = tile.plot
                timeSeriesQuery = {
                  timeSeriesFilter = {
                    filter = tile.filter
                    aggregation = {
                      alignmentPeriod    = "300s"
                      perSeriesAligner   = tile.align
                      crossSeriesReducer = tile.reduce
                      groupByFields      = tile.group
                    }
                  }
                }
              }]
            }
          }
        }
      ]
    }
  }
}

resource "google_monitoring_dashboard" "this" {
  count      = length(var.services) > 0 ? 1 : 0
  depends_on = [google_logging_metric.runs, google_logging_metric.run_seconds]

  project        = var.project
  dashboard_json = jsonencode(local.dashboard)
}
