package rest

func userWriteRoutes() []*route                       { return nil }
func moderationRoutes() []*route                      { return nil }
func groupWriteRoutes() []*route                      { return nil }
func projectWriteRoutes() []*route                    { return nil }
func sourceWriteRoutes(_ string, _ []string) []*route { return nil }
