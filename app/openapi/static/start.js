// Swagger UI on our own description. What it sends with the session cookie needs the token against
// forged requests, as every page of ours sends it.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null, // it would be shown to somebody else's server
  requestInterceptor: (request) => {
    const csrf = /(?:^|; )(?:__Host-)?csrf_access_token=([^;]*)/.exec(document.cookie);
    if (csrf) request.headers["X-CSRF-TOKEN"] = csrf[1];
    return request;
  },
});
