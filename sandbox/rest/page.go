package rest

import "net/http"

func (s *Server) page(w http.ResponseWriter, r *http.Request, seg []string) {
	writeError(w, notFound())
}
