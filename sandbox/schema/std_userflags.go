package schema

// The switches of a user are fields of their own. Only names of the object's own
// flags stand here: the prefix of the field's name is added.
var (
	emailPreferences = []string{
		"AutoBcc", "AutoBccStayInTouch", "StayInTouchReminder",
	}

	userPreferences = []string{
		"ActivityRemindersPopup", "EventRemindersCheckboxDefault", "TaskRemindersCheckboxDefault",
		"ReminderSoundOff", "DisableAllFeedsEmail", "DisableFollowersEmail", "DisableProfilePostEmail",
		"DisableChangeCommentEmail", "DisableLaterCommentEmail", "DisProfPostCommentEmail", "ContentNoEmail",
		"ContentEmailAsAndWhen", "ApexPagesDeveloperMode", "ReceiveNoNotificationsAsApprover",
		"ReceiveNotificationsAsDelegatedApprover", "HideCSNGetChatterMobileTask", "DisableMentionsPostEmail",
		"DisMentionsCommentEmail", "HideCSNDesktopTask", "HideChatterOnboardingSplash",
		"HideSecondChatterOnboardingSplash", "DisCommentAfterLikeEmail", "DisableLikeEmail",
		"SortFeedByComment", "DisableMessageEmail", "JigsawListUser", "DisableBookmarkEmail",
		"DisableSharePostEmail", "ActionLauncherEinsteinGptConsent", "AssistiveActionsEnabledInActionLauncher",
		"EnableAutoSubForFeeds", "DisableFileShareNotificationsForApi", "ShowTitleToExternalUsers",
		"ShowManagerToExternalUsers", "ShowEmailToExternalUsers", "ShowWorkPhoneToExternalUsers",
		"ShowMobilePhoneToExternalUsers", "ShowFaxToExternalUsers", "ShowStreetAddressToExternalUsers",
		"ShowCityToExternalUsers", "ShowStateToExternalUsers", "ShowPostalCodeToExternalUsers",
		"ShowCountryToExternalUsers", "ShowProfilePicToGuestUsers", "ShowTitleToGuestUsers",
		"ShowCityToGuestUsers", "ShowStateToGuestUsers", "ShowPostalCodeToGuestUsers",
		"ShowCountryToGuestUsers", "ShowForecastingChangeSignals", "LiveAgentMiawSetupDeflection",
		"HideS1BrowserUI", "DisableEndorsementEmail", "PathAssistantCollapsed", "CacheDiagnostics",
		"ShowEmailToGuestUsers", "ShowManagerToGuestUsers", "ShowWorkPhoneToGuestUsers",
		"ShowMobilePhoneToGuestUsers", "ShowFaxToGuestUsers", "ShowStreetAddressToGuestUsers",
		"LightningExperiencePreferred", "PreviewLightning", "HideEndUserOnboardingAssistantModal",
		"HideLightningMigrationModal", "HideSfxWelcomeMat", "HideBiggerPhotoCallout", "GlobalNavBarWTShown",
		"GlobalNavGridMenuWTShown", "CreateLEXAppsWTShown", "FavoritesWTShown",
		"RecordHomeSectionCollapseWTShown", "RecordHomeReservedWTShown", "FavoritesShowTopFavorites",
		"ExcludeMailAppAttachments", "SuppressTaskSFXReminders", "SuppressEventSFXReminders",
		"PreviewCustomTheme", "HasCelebrationBadge", "UserDebugModePref", "SRHOverrideActivities",
		"NewLightningReportRunPageEnabled", "ReverseOpenActivitiesView", "HasSentWarningEmail",
		"HasSentWarningEmail238", "HasSentWarningEmail240", "DismissPersonalSpaceLegalMessage",
		"NativeEmailClient", "HideManagedEcaMobilePubModal", "ShowForecastingRoundedAmounts",
	}
)

// userFlags are the switches of one kind; each is labelled with its bare name.
func userFlags(kind string, names []string) []def {
	flags := make([]def, 0, len(names))
	for _, name := range names {
		flags = append(flags, boolean(kind+name, name).always())
	}
	return flags
}

// userPermissions are the licences for features that a user is given.
func userPermissions() []def {
	return []def{
		boolean("UserPermissionsMarketingUser", "Marketing User").always(),
		boolean("UserPermissionsOfflineUser", "Offline User").always(),
		boolean("UserPermissionsCallCenterAutoLogin", "Auto-login To Call Center").always(),
		boolean("UserPermissionsSFContentUser", "Salesforce CRM Content User").always(),
		boolean("UserPermissionsKnowledgeUser", "Knowledge User").always(),
		boolean("UserPermissionsInteractionUser", "Flow User").always(),
		boolean("UserPermissionsSupportUser", "Service Cloud User").always(),
		boolean("UserPermissionsJigsawProspectingUser", "Data.com User").always(),
		boolean("UserPermissionsSiteforceContributorUser", "Site.com Contributor User").always(),
		boolean("UserPermissionsSiteforcePublisherUser", "Site.com Publisher User").always(),
		boolean("UserPermissionsWorkDotComUserFeature", "WDC User").always(),
	}
}
