/* routes.h - where tka-server answers: the paths of openapi.yaml. */
#pragma once

#define ROUTE_LOGIN "/api/v1alpha1/login"
#define ROUTE_LOGOUT "/api/v1alpha1/logout"
#define ROUTE_CREDENTIAL "/api/v1alpha1/credential"
#define ROUTE_KUBECONFIG "/api/v1alpha1/kubeconfig"
#define ROUTE_CLUSTER_INFO "/api/v1alpha1/cluster-info"
#define ROUTE_ACCESS "/api/v1alpha1/access"
