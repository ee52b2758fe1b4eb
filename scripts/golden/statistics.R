# CR2 errors with Satterthwaite's degrees of freedom, and CR3 errors of logistic regressions, by clubSandwich.
#
#     Rscript scripts/golden/statistics.R src/stats/golden/clusters.json
#
# R 4.2.2 with clubSandwich 0.5.8 and jsonlite (Debian 12: r-cran-clubsandwich, r-cran-jsonlite).
arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) != 1 || startsWith(arguments[1], "-")) {
  script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
  lines <- readLines(script)
  writeLines(sub("^# ?", "", head(lines, which(!startsWith(lines, "#"))[1] - 1)))
  quit(status = if (identical(arguments, "--help")) 0 else 2)
}
suppressMessages({ library(clubSandwich); library(jsonlite) })

set.seed(23)
shapes <- list(
  equal = rep(4, 5), unequal = c(1, 2, 3, 5, 9, 14), half = c(20, rep(4, 5)), three = c(2, 6, 11), singles = c(8, 8, rep(1, 10)), many = rep(1:6, 8)
)

mean_case <- function(name, sizes) {
  cluster <- rep(seq_along(sizes), sizes)
  values <- round(rnorm(length(sizes), sd = 1)[cluster] + rnorm(length(cluster)) + 0.4, 3)
  fit <- lm(values ~ 1)
  test <- coef_test(fit, vcov = "CR2", cluster = cluster, test = "Satterthwaite")
  interval <- conf_int(fit, vcov = "CR2", cluster = cluster, test = "Satterthwaite", level = 0.95)
  list(name = name, values = values, clusters = cluster, standardError = test$SE, degreesOfFreedom = test$df, pValue = test$p_Satt, low = interval$CI_L, high = interval$CI_U)
}

logistic_case <- function(name, sizes) {
  cluster <- rep(seq_along(sizes), sizes)
  feature <- round(rnorm(length(cluster)), 3)
  targets <- rbinom(length(cluster), 1, plogis(0.3 + 0.5 * feature + rnorm(length(sizes), sd = 0.7)[cluster]))
  fit <- glm(targets ~ feature, family = binomial, control = glm.control(epsilon = 1e-14, maxit = 100))
  covariance <- vcovCR(fit, cluster = cluster, type = "CR3")
  list(name = name, feature = feature, targets = targets, clusters = cluster, coefficients = unname(coef(fit)), covariance = c(covariance))
}

# The cases of src/stats/bradley-terry.test.ts: comparisons of four players without a prior, and a weighted fit of soft targets.
bradley_terry <- function() {
  a <- c(0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 0, 1); b <- c(1, 1, 1, 2, 2, 0, 0, 0, 1, 2, 2, 1, 3)
  outcome <- c(1, 1, 0, 1, 0.5, 0.5, 1, 0, 1, 0, 0.5, 0.5, 1); cluster <- c(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6)
  design <- sapply(1:3, function(player) (a == player) - (b == player))
  fit <- glm(outcome ~ 0 + design, family = quasibinomial, control = glm.control(epsilon = 1e-14, maxit = 100))
  list(standardErrors = sqrt(diag(vcovCR(fit, cluster = cluster, type = "CR3"))))
}

weighted <- function() {
  x <- c(-1, 0.5, 0.2, 1.5, -0.3, 2, -1.5, 0.9); y <- c(0, 1, 0.5, 1, 0, 0.8, 0.2, 0)
  fit <- glm(y ~ x, family = quasibinomial, weights = c(1, 2, 1, 1, 3, 1, 1, 1), control = glm.control(epsilon = 1e-14, maxit = 100))
  list(covariance = c(vcovCR(fit, cluster = c(0, 0, 1, 1, 2, 2, 3, 3), type = "CR3")))
}

made_with <- list(R = paste(R.version$major, R.version$minor, sep = "."), clubSandwich = as.character(packageVersion("clubSandwich")))
large <- lapply(shapes[c("unequal", "half", "many")], function(sizes) 3 * sizes)
result <- list(made_with = made_with, means = unname(Map(mean_case, names(shapes), shapes)), logistic = unname(Map(logistic_case, names(large), large)), bradleyTerry = bradley_terry(), weighted = weighted())
writeLines(toJSON(result, auto_unbox = TRUE, digits = NA), arguments)
